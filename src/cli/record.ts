// SPDX-License-Identifier: Apache-2.0
import { type Meter, openMeter } from '../meter.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { RecordingWriter } from '../recording/write.ts';
import { parseOptions } from '../settings/options.ts';
import { COMMAND } from '../settings/table.ts';
import { snapshotJson } from '../snapshot/json.ts';
import { within } from '../util/deadline.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { complain, complainOfDoubts, counted, jsonLine } from './print.ts';
import { ignoreDebugger, LASTING, onStop } from './signals.ts';
import { splitPlan, withName } from './split-text.ts';

/** Where it is written to if nobody says where. */
const FILE = 'joules.jsonl.br';

/** What was used since the last interval ended is waited for so long, ms: whoever sent a signal wants an end. */
const REST_MS = 1000;

/** `joules record`: writes snapshots to a file until --count, SIGINT, SIGTERM or SIGHUP. */
export async function record(args: readonly string[]): Promise<number> {
  const { meter: options, own } = parseOptions('record', args);
  const path = own.output ?? FILE;
  const maxBytes = (own.maxSize ?? COMMAND.maxSize.fallback!) * 1e6;
  const files = own.files ?? COMMAND.files.fallback!;
  let left = own.count ?? Infinity;
  const meter = await openMeter({ ...options, log: complainOfDoubts });
  const writer = new RecordingWriter({ path, maxBytes, files });
  ignoreDebugger();
  const release = onStop(() => meter.stop(), LASTING);
  try {
    keepOnlyNeeded({
      source: meter.selection.source,
      namesPrograms: meter.blindTo === undefined,
      namesContainers: options.names === true,
      readsToken: options.kubelet !== undefined,
      signals: false,
    });
    const wasThere = await writer.open();
    if (wasThere && files === 1) complain(`${path} was there: removed, as there is one file at most`);
    else if (wasThere) complain(`${path} was there: kept as ${path}.1, shown with it`);
    const { source } = meter.selection;
    complain(
      `recording to ${path}: ${withName(source.kind, source.name)}${splitPlan(source)}, ${(maxBytes * files) / 1e6} MB at most, until interrupted`,
    );
    for await (const snapshot of meter) {
      await writer.add(jsonLine(snapshotJson(snapshot)));
      if (--left <= 0) break;
    }
    if (left > 0) await addRest(meter, writer);
  } finally {
    release();
    await meter.close();
    await writer.close();
  }
  complain(
    `${counted(writer.lines, 'snapshot')} in ${path}, ${(writer.bytes / 1e6).toFixed(2)} MB: joules top --replay ${path}`,
  );
  return 0;
}

/** Adds the interval that a signal has cut short. One that cannot be measured any more is not there to be added. */
async function addRest(meter: Meter, writer: RecordingWriter): Promise<void> {
  let rest: Snapshot | undefined;
  const measured = meter.snapshot().then(
    (snapshot) => void (rest = snapshot),
    (error: Error) => complain(`${error.message}; what was used since the last interval is not recorded`),
  );
  await within(measured, REST_MS);
  if (rest) await writer.add(jsonLine(snapshotJson(rest)));
}
