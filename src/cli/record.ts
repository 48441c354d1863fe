// SPDX-License-Identifier: Apache-2.0
import { openMeter } from '../meter.ts';
import { RecordingWriter } from '../recording/write.ts';
import { parseOptions } from '../settings/options.ts';
import { COMMAND } from '../settings/table.ts';
import { snapshotJson } from '../snapshot/json.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { complain, complainOfDoubts, counted, jsonLine } from './print.ts';
import { ignoreDebugger, onStop } from './signals.ts';
import { splitPlan, withName } from './split-text.ts';

/** Where it is written to if nobody says where. */
const FILE = 'joules.jsonl.br';

/** `joules record`: writes snapshots to a file until --count, SIGINT or SIGTERM. */
export async function record(args: readonly string[]): Promise<number> {
  const { meter: options, own } = parseOptions('record', args);
  const path = own.output ?? FILE;
  const maxBytes = (own.maxSize ?? COMMAND.maxSize.fallback!) * 1e6;
  const files = own.files ?? COMMAND.files.fallback!;
  let left = own.count ?? Infinity;
  const meter = await openMeter({ ...options, log: complainOfDoubts });
  const writer = new RecordingWriter({ path, maxBytes, files });
  ignoreDebugger();
  const release = onStop(() => void meter.close());
  try {
    keepOnlyNeeded({
      source: meter.selection.source,
      namesPrograms: meter.blindTo === undefined,
      readsFiles: options.names === true,
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
