// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Routes } from '../../http/router.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import type { Selection } from '../../model/source.ts';
import { History } from '../shared/history.ts';
import { type Hello, WIRE_VERSION } from '../shared/wire.ts';
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
}

/** Frames between two looks at what names are still in use. */
const PRUNE_FRAMES = 60;

/** The page that people look at: it is another reader of snapshots, and no ledger knows of it. */
export interface LivePage {
  /** What the HTTP server answers with. */
  readonly routes: Routes;
  /** Pages that are open. */
  readonly viewers: () => number;
  /** Takes what the figures come from and the time between two of them, before the first snapshot. */
  readonly begin: (selection: Selection, intervalMs: number) => void;
  /** Takes each snapshot once. */
  readonly add: (snapshot: Snapshot) => void;
  readonly close: () => void;
}

/** @throws EnergyError where the page has not been built. */
export function createPage({ host, agent, namesProcesses }: PageOptions): LivePage {
  const frames = new FrameMaker({ namesProcesses });
  const { dictionary } = frames;
  const history = new History(dictionary);
  const instance = randomUUID();
  let interval = 1000;
  let added = 0;
  let source: Hello['source'] = { name: '', kind: 'estimated', scope: '', reference: null };
  const events = new Events({
    history,
    dictionary,
    greeting: () => ({ version: WIRE_VERSION, instance, host, agent, interval, source }),
  });
  return {
    routes: { ...assets(), '/events': events.handle },
    viewers: () => events.viewers,
    begin({ source: { name, kind, scope, ...more } }, intervalMs) {
      interval = Math.max(intervalMs, 1000);
      source = { name, kind, scope, reference: 'watts' in more ? more.watts.reference : null };
    },
    add(snapshot) {
      const frame = frames.add(snapshot);
      if (!frame) return;
      history.add(frame);
      if (++added % PRUNE_FRAMES === 0) dictionary.keep(history.used());
      events.send(frame);
    },
    close: () => events.close(),
  };
}
