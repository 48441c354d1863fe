// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../../model/snapshot.ts';
import type { Tape } from '../../recording/tape.ts';
import type { Playing } from './frame.ts';
import { FRAMES } from './scene.ts';
import type { Player } from './screen.ts';

/** Speeds, as multiples of how it was. */
const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 30, 100] as const;
/** Between two snapshots, ms: gaps are not waited for, and no screen shows more. */
const DELAY = { least: 20, most: 3000 } as const;

export interface ReplayOptions {
  readonly tape: Tape;
  /** Numbers of the first and the last snapshot that are shown. */
  readonly first: number;
  readonly last: number;
  /** Takes the next snapshot. */
  readonly add: (snapshot: Snapshot) => void;
  /** Takes what is to be shown after a jump: the last of them, and what was before it. */
  readonly restart: (snapshots: readonly Snapshot[]) => void;
  /** Called when the last one has been shown. */
  readonly ended: () => void;
  readonly failed: (error: unknown) => void;
}

/** Plays a recording: at its own speed or another, and wherever somebody goes. */
export class Replay implements Player {
  readonly #options: ReplayOptions;
  #shown: number;
  #target: number;
  #speed = SPEEDS.indexOf(1);
  #isPaused = false;
  #isReading = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#shown = options.first - 1;
    this.#target = options.first;
  }

  start(): void {
    void this.#read();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#isPaused = true;
    this.#target = this.#shown;
  }

  readonly playing = (): Playing => {
    const { tape, first, last } = this.#options;
    return {
      index: Math.max(0, this.#target - first),
      count: last - first + 1,
      from: tape.times[first]!,
      to: tape.times[last]!,
      speed: SPEEDS[this.#speed]!,
    };
  };

  readonly paused = (isPaused: boolean): void => {
    this.#isPaused = isPaused;
    if (isPaused) clearTimeout(this.#timer);
    else this.#plan();
  };

  readonly press = (name: string): boolean => {
    const step = STEPS[name];
    if (step === undefined) return false;
    if ('speed' in step) this.#speed = Math.max(0, Math.min(SPEEDS.length - 1, this.#speed + step.speed));
    else this.#go('by' in step ? this.#target + step.by : this.#after(step.ms));
    if ('speed' in step) this.#plan();
    return true;
  };

  /** The number of the snapshot so many ms from here. */
  #after(ms: number): number {
    const { tape } = this.#options;
    const index = tape.indexAt(tape.times[this.#target]! + ms);
    // Where it was measured every minute, ten seconds are a snapshot as well.
    return index === this.#target ? index + Math.sign(ms) : index;
  }

  #go(index: number): void {
    const { first, last } = this.#options;
    this.#target = Math.max(first, Math.min(last, index));
    clearTimeout(this.#timer);
    if (!this.#isReading) void this.#read();
  }

  /** Shows what somebody wants to see, which may be something else by the time that it is read. */
  async #read(): Promise<void> {
    const { tape, add, restart, failed } = this.#options;
    this.#isReading = true;
    try {
      while (this.#shown !== this.#target) {
        const target = this.#target;
        const isNext = target === this.#shown + 1;
        const snapshots = await tape.read(isNext ? target : Math.max(0, target - FRAMES + 1), target);
        this.#shown = target;
        if (isNext && snapshots.length > 0) add(snapshots[0]!);
        else restart(snapshots);
      }
    } catch (error) {
      return failed(error);
    } finally {
      this.#isReading = false;
    }
    return this.#plan();
  }

  #plan(): void {
    clearTimeout(this.#timer);
    const { tape, last, ended } = this.#options;
    if (this.#isPaused || this.#isReading) return;
    if (this.#shown >= last) return ended();
    const { times } = tape;
    const delay = (times[this.#shown + 1]! - times[this.#shown]!) / SPEEDS[this.#speed]!;
    this.#timer = setTimeout(
      () => this.#go(this.#shown + 1),
      Math.max(DELAY.least, Math.min(DELAY.most, delay)),
    );
  }
}

type Step = { readonly by: number } | { readonly ms: number } | { readonly speed: number };

const STEPS: Readonly<Record<string, Step>> = {
  ',': { by: -1 },
  '.': { by: 1 },
  '[': { ms: -10_000 },
  ']': { ms: 10_000 },
  '{': { ms: -300_000 },
  '}': { ms: 300_000 },
  '-': { speed: -1 },
  '+': { speed: 1 },
  '=': { speed: 1 },
};
