// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Routes } from '../../http/router.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { CpuPower, EnergySource } from '../../model/source.ts';
import { History } from '../shared/history.ts';
import { type Frame, type Hello, HISTORY_MS, WIRE_VERSION } from '../shared/wire.ts';
import { assets } from './assets.ts';
import { Events } from './events.ts';
import { FrameMaker } from './frames.ts';

export interface PageOptions {
  /** Name of the machine. */
  readonly host: string;
  /** Version of the agent. */
  readonly agent: string;
  /** Whether processes are told apart, or only what programs use. */
  readonly namesProcesses: boolean;
  /** Of a recording: the time that it covers, ms, all of which is shown. */
  readonly recordedMs?: number;
}

/** Frames that a recording has at most: an hour of it has some four seconds in each. */
const RECORDED_FRAMES = 900;

/** What is told of where the figures come from. */
export type DescribedSource = Pick<EnergySource, 'name' | 'kind' | 'scope'> & {
  readonly watts?: Pick<CpuPower, 'reference'>;
};

/** Frames between two looks at what names are still in use. */
const PRUNE_FRAMES = 60;

/** The page that people look at: it is another reader of snapshots, and no ledger knows of it. */
export interface LivePage {
  /** What the HTTP server answers with. */
  readonly routes: Routes;
  /** Pages that are open. */
  readonly viewers: () => number;
  /** Takes what the figures come from and the time between two of them, before the first snapshot. */
  readonly begin: (selection: { readonly source: DescribedSource }, intervalMs: number) => void;
  /** Takes each snapshot once. */
  readonly add: (snapshot: Snapshot) => void;
  /** Makes a frame of what is too little for one, since no more comes. */
  readonly finish: () => void;
  readonly close: () => void;
}

/** @throws EnergyError where the page has not been built. */
export function createPage({ host, agent, namesProcesses, recordedMs }: PageOptions): LivePage {
  const leastMs = recordedMs === undefined ? undefined : recordedMs / RECORDED_FRAMES;
  const frames = new FrameMaker({ namesProcesses, leastMs });
  const { dictionary } = frames;
  const history = new History(dictionary, historyMs(recordedMs));
  const instance = randomUUID();
  let interval = 1000;
  let added = 0;
  let source: Hello['source'] = { name: '', kind: 'estimated', scope: '', reference: null };
  const events = new Events({
    history,
    dictionary,
    greeting: () => ({
      version: WIRE_VERSION,
      instance,
      host,
      agent,
      interval,
      source,
      history: history.ms,
      isRecording: recordedMs !== undefined,
    }),
  });
  const take = (frame: Frame | undefined): void => {
    if (!frame) return;
    history.add(frame);
    if (++added % PRUNE_FRAMES === 0) dictionary.keep(history.used());
    events.send(frame);
  };
  return {
    routes: { ...assets(), '/events': events.handle },
    viewers: () => events.viewers,
    begin({ source: { name, kind, scope, watts } }, intervalMs) {
      interval = Math.max(intervalMs, 1000);
      source = { name, kind, scope, reference: watts?.reference ?? null };
    },
    add: (snapshot) => take(frames.add(snapshot)),
    finish: () => take(frames.rest()),
    close: () => events.close(),
  };
}

/** All of a recording, whose frames are some ms longer or shorter. */
function historyMs(recordedMs: number | undefined): number {
  return Math.max(HISTORY_MS, (recordedMs ?? 0) * 1.1 + 10_000);
}
