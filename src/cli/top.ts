// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../model/snapshot.ts';
import { type Meter, openMeter } from '../meter.ts';
import { parseOptions } from '../settings/options.ts';
import { COMMAND } from '../settings/table.ts';
import type { CommandOptions, MeterOptions } from '../settings/types.ts';
import { snapshotJson } from '../snapshot/json.ts';
import { attachTo } from './attached.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { complain, complainOfDoubts, jsonLine, print, whenReaderGoes } from './print.ts';
import { recordedSnapshots, replay } from './replay.ts';
import { Screen } from './screen/screen.ts';
import { START, type State } from './screen/state.ts';
import { ignoreDebugger, onStop } from './signals.ts';
import { limited, table } from './table.ts';
import { sayWaiting, waitingFor } from './waiting.ts';

/** `joules top`: a full screen, a table where it is piped, or with --json one snapshot a line. Ends after --count, on a key or a signal. */
export async function top(args: readonly string[]): Promise<number> {
  const { meter: options, own } = parseOptions('top', args);
  const isFull = own.json !== true && own.plain !== true && isScreen();
  const state: State = { ...START, view: own.by ?? COMMAND.by.fallback! };
  ignoreDebugger();
  if (own.replay !== undefined) {
    if (isFull) return replay(own.replay, own, state);
    whenReaderGoes(() => process.exit(0));
    await printAll(recordedSnapshots(own.replay, own), own);
    return 0;
  }
  return isFull ? watch(options, own, state) : list(options, own);
}

/** Whether stdout is a terminal that can move its cursor. */
function isScreen(): boolean {
  return process.stdout.isTTY && !['dumb', undefined, ''].includes(process.env['TERM']);
}

async function list(options: MeterOptions, own: CommandOptions): Promise<number> {
  whenReaderGoes(() => process.exit(0));
  const meter = await open({ ...options, log: complainOfDoubts }, own);
  const stopped = new AbortController();
  const release = onStop(() => {
    stopped.abort();
    void meter.close();
  });
  try {
    await printAll(meter, own, stopped.signal);
  } finally {
    release();
    await meter.close();
  }
  return 0;
}

async function watch(options: MeterOptions, own: CommandOptions, state: State): Promise<number> {
  const doubts = new Set<string>();
  let screen: Screen | undefined;
  // On the screen a line of stderr would stand across what is shown there.
  const log = (line: string): void => {
    if (!line.startsWith('event=hidden ')) return;
    doubts.add(line);
    screen?.tell(line);
  };
  const meter = await open({ ...options, log }, own, (line) => screen?.tell(line));
  const stop = (): void => void meter.close();
  const release = onStop(stop);
  screen = new Screen({ state, quit: stop, limit: own.limit });
  let left = own.count ?? Infinity;
  try {
    screen.open();
    for (const line of doubts) screen.tell(line);
    for await (const snapshot of meter) {
      screen.add(snapshot);
      if (--left <= 0) break;
    }
  } finally {
    screen.close();
    release();
    doubts.forEach(complain);
    await meter.close();
  }
  return 0;
}

type Shown = AsyncIterable<Snapshot> & { close(): Promise<void> };

/** What is shown: measured by ourselves, without the privileges that are needed no longer, or by the agent. */
async function open(
  options: MeterOptions,
  own: CommandOptions,
  tell?: (line: string) => void,
): Promise<Shown> {
  if (own.attach) return attachTo(own, tell);
  const meter = await waitingFor('attaching to the kernel', () => openMeter(options));
  try {
    drop(meter, options);
    return meter;
  } catch (error) {
    await meter.close();
    throw error;
  }
}

function drop(meter: Meter, options: MeterOptions): void {
  keepOnlyNeeded({
    source: meter.selection.source,
    namesPrograms: meter.blindTo === undefined,
    namesContainers: options.names === true,
    readsToken: options.kubelet !== undefined,
    signals: false,
  });
}

async function printAll(
  snapshots: AsyncIterable<Snapshot>,
  own: CommandOptions,
  stopped: AbortSignal = new AbortController().signal,
): Promise<void> {
  let left = own.count ?? Infinity;
  const word = sayWaiting('waiting for the first figures');
  try {
    for await (const snapshot of snapshots) {
      word.end();
      await print(own.json === true ? lineOf(snapshot, own) : tableOf(snapshot, own), stopped);
      if (--left <= 0) break;
    }
  } finally {
    word.end();
  }
}

function lineOf(snapshot: Snapshot, { limit }: CommandOptions): string {
  return jsonLine(snapshotJson(limit === undefined ? snapshot : limited(snapshot, limit)));
}

/** The table, redrawn in place in a terminal. */
function tableOf(snapshot: Snapshot, { by = COMMAND.by.fallback!, limit }: CommandOptions): string {
  const { rows, columns } = process.stdout;
  if (!isScreen()) return `${table(snapshot, { by, limit: limit ?? 20 }).join('\n')}\n\n`;
  const lines = table(snapshot, { by, limit: limit ?? Math.max(1, rows - 5), width: columns });
  // Home, each line on what was erased of its own, then all below: no flicker. Meanwhile long lines do not wrap.
  return `\x1b[?7l\x1b[H${lines.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[J\x1b[?7h`;
}
