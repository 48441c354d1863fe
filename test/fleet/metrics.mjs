// SPDX-License-Identifier: Apache-2.0
// What of an OTLP request for metrics is to be told or changed, found in its bytes: nothing is decoded but the way there.

/** Wire types of protocol buffers, https://protobuf.dev/programming-guides/encoding/#structure */
const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];
/**
 * Fields on the way to a point, by opentelemetry/proto/collector/metrics/v1 and metrics/v1: resource_metrics,
 * scope_metrics, metrics, gauge or sum, data_points.
 */
const WAY = [[1], [2], [2], [5, 7], [1]];
/** NumberDataPoint.time_unix_nano */
const TIME = 3;

/** Where the times of an ExportMetricsServiceRequest's points are: 8 bytes, little endian. As many as there are points. */
export function findTimes(request) {
  let ranges = [{ from: 0, to: request.length }];
  for (const fields of WAY)
    ranges = ranges.flatMap((range) =>
      [...readFields(request, range)].filter(({ field }) => fields.includes(field)),
    );
  return ranges.map((point) => {
    const time = [...readFields(request, point)].find(({ field }) => field === TIME);
    if (time?.to - time?.from !== 8) throw new Error('there is a point without a time');
    return time.from;
  });
}

/** The latest time of all points, ns: a series that is new has a point of an earlier one as well. */
export function latestTime(request) {
  return findTimes(request)
    .map((at) => request.readBigUInt64LE(at))
    .reduce((latest, time) => (time > latest ? time : latest), 0n);
}

/** Where `text` stands. */
export function findText(bytes, text) {
  const found = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) found.push(at);
  return found;
}

/** { field, from, to } of each field of a message. */
function* readFields(bytes, { from, to }) {
  for (let at = from; at < to;) {
    const tag = readVarint(bytes, at);
    const [field, type] = [tag.value >>> 3, tag.value & 7];
    let begin = tag.end;
    let end;
    if (type === VARINT) ({ end } = readVarint(bytes, begin));
    else if (type === FIXED64) end = begin + 8;
    else if (type === FIXED32) end = begin + 4;
    else if (type === LENGTH) {
      const length = readVarint(bytes, begin);
      begin = length.end;
      end = begin + length.value;
    } else throw new Error(`there is no wire type ${type}`);
    yield { field, from: begin, to: end };
    at = end;
  }
}

/** Of numbers below 2^53. */
function readVarint(bytes, at) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) return { value, end: at };
  }
}
