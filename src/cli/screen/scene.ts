// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../../model/snapshot.ts';
import { FrameMaker } from '../../web/server/frames.ts';
import type { Dictionary } from '../../web/shared/dictionary.ts';
import { type Shown, shownNow } from '../../web/shared/shown.ts';
import { Rolling } from '../../web/shared/sums.ts';
import type { Frame } from '../../web/shared/wire.ts';
import { snapshotKindText } from '../split-text.ts';

/** Frames that are kept: a sparkline has that many columns. */
export const FRAMES = 60;
/** Joules are of the last minute. */
const JOULES_MS = 60_000;
/** Nobody reads faster; and a minute has a bounded number of frames. */
const LEAST_MS = 200;

/** What there is to show of one moment; it stays as it is while it is looked at. */
export interface Scene {
  readonly dictionary: Dictionary;
  readonly shown: Shown;
  /** The last ones, the newest at the end, all with their rows. */
  readonly frames: Frame[];
  readonly source: Snapshot['source'];
  /** `measured`, `apportioned by learned power`. */
  readonly kind: string;
  /** CPUs by the name of their core. */
  readonly cpus: ReadonlyMap<string, readonly number[]>;
}

/** The frames that the mean is of. Clocks are some ms apart, so what counts is the middle of each. */
export function framesOfMean({ frames, shown }: Pick<Scene, 'frames' | 'shown'>): Frame[] {
  return frames.filter(({ time, ms }) => time - ms / 2 > shown.from);
}

/** The same moment with another mean. */
export function withMean(scene: Scene, meanMs: number): Scene {
  const now = new Rolling(meanMs);
  for (const { ms, rows } of scene.frames) now.add({ ms, rows: rows! });
  const shown = shownNow(scene, now, new Rolling(JOULES_MS));
  return shown ? { ...scene, shown: { ...shown, longer: scene.shown.longer } } : scene;
}

/** The last minute of what was measured, reduced to what the screen shows: the same frames as the page's. */
export class SceneMaker {
  #maker = new FrameMaker({ namesProcesses: true, leastMs: LEAST_MS });
  #frames: Frame[] = [];
  #now: Rolling;
  #minute = new Rolling(JOULES_MS);
  #last: Snapshot | undefined;
  #meanMs: number;
  #added = 0;

  /** Figures of now are means of so many ms. */
  constructor(meanMs: number) {
    this.#meanMs = meanMs;
    this.#now = new Rolling(meanMs);
  }

  get meanMs(): number {
    return this.#meanMs;
  }

  set meanMs(ms: number) {
    this.#meanMs = ms;
    this.#now = new Rolling(ms);
    for (const { ms: length, rows } of this.#frames) this.#now.add({ ms: length, rows: rows! });
  }

  /** `held`: a scene that is still looked at, whose names are kept. */
  add(snapshot: Snapshot, held?: Scene): void {
    const frame = this.#maker.add(snapshot);
    if (!frame?.rows) return;
    this.#last = snapshot;
    this.#frames.push(frame);
    const step = { ms: frame.ms, rows: frame.rows };
    this.#now.add(step);
    this.#minute.add(step);
    if (this.#frames.length <= FRAMES) return;
    this.#frames = this.#frames.slice(-FRAMES);
    if (++this.#added % FRAMES === 0) this.#forget(held);
  }

  /** Begins anew, as a recording does that is moved in. */
  clear(): void {
    this.#maker = new FrameMaker({ namesProcesses: true, leastMs: LEAST_MS });
    this.#frames = [];
    this.#minute = new Rolling(JOULES_MS);
    this.#last = undefined;
    this.meanMs = this.#meanMs;
  }

  scene(): Scene | undefined {
    const shown = shownNow({ frames: this.#frames }, this.#now, this.#minute);
    if (!shown || !this.#last) return undefined;
    return {
      dictionary: this.#maker.dictionary,
      shown,
      frames: [...this.#frames],
      source: this.#last.source,
      kind: snapshotKindText(this.#last),
      cpus: new Map(this.#last.cores.map(({ id, cpus }) => [id, cpus])),
    };
  }

  /** Names that no frame has any more. */
  #forget(held: Scene | undefined): void {
    const used = new Set<number>();
    for (const { rows, groups } of [...this.#frames, ...(held?.frames ?? [])]) {
      for (const id of rows!.id) used.add(id);
      for (let i = 0; i < groups.length; i += 2) used.add(groups[i]!);
    }
    this.#maker.dictionary.keep(used);
    this.#maker.dictionary.takeNews();
  }
}
