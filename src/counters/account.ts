// SPDX-License-Identifier: Apache-2.0
import type { Reading } from '../model/reading.ts';
import type { Counter } from '../model/source.ts';
import { advance, type Sample } from './advance.ts';
import { openCounter } from './location.ts';
import type { OpenCounter } from './open-counter.ts';

/** What happened to a counter that somebody should know. */
export type CounterEvent =
  { readonly event: 'gap'; readonly why: string } | { readonly event: 'rebind' | 'reset' | 'wrap' };

/** A sample, and in which interval it was taken: intervals are numbered from the opening on. */
interface Seen extends Sample {
  readonly interval: number;
}

/** `last` is where counting goes on from; a counter without it begins anew. */
type Access =
  | { readonly state: 'closed'; readonly last: Seen | undefined }
  | { readonly state: 'open'; readonly last: Seen; readonly reader: OpenCounter }
  | { readonly state: 'failed'; readonly last: Seen | undefined; readonly error: unknown };

const NOTHING: Reading = { kind: 'unknown', broken: false };

/** One counter that is read in user space, and what it counted since it was taken last. Calls must not overlap. */
export class Account {
  #counter: Counter;
  #access: Access = { state: 'closed', last: undefined };
  #interval = 0;
  #reading: Reading = NOTHING;
  /** A counter that has never moved may be none. */
  #moved = false;

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  get counter(): Counter {
    return this.#counter;
  }

  /** Why it could not be read the last time; undefined if it could. */
  get failure(): unknown {
    return this.#access.state === 'failed' ? this.#access.error : undefined;
  }

  /** Whether it could be read, and showed the same since it was taken last. */
  get stands(): boolean {
    const { kind, broken } = this.#reading;
    const moved = kind !== 'unknown' && this.#reading.joules > 0;
    return this.failure === undefined && !broken && !moved;
  }

  /** Reads the counter, and opens it first where it is not open. Where that fails it is closed. Never rejects. */
  async read(): Promise<readonly CounterEvent[]> {
    const before = this.#access;
    const { last } = before;
    let reader = before.state === 'open' ? before.reader : undefined;
    try {
      reader ??= openCounter(this.#counter.location);
      const now = { count: await reader.read(), ms: performance.now(), interval: this.#interval };
      this.#access = { state: 'open', last: now, reader };
      const again: readonly CounterEvent[] = before.state === 'failed' ? [{ event: 'rebind' }] : [];
      return [...again, ...this.#add(last, now)];
    } catch (error) {
      reader?.close();
      this.#access = { state: 'failed', last: this.#resumable(last), error };
      return before.state === 'failed' ? [] : [{ event: 'gap', why: messageOf(error) }];
    }
  }

  /** Goes on at the counter's new location. What the former one counted up to now is not lost, if it can still be read. */
  async moveTo(counter: Counter): Promise<readonly CounterEvent[]> {
    const former = this.#access.state === 'open' && countsFromOpening(this.#counter) ? await this.read() : [];
    const { state } = this.#access;
    const { broken } = this.#reading;
    this.close();
    this.#counter = counter;
    if (state === 'failed') return [...former, ...(await this.read())];
    this.#access = { state: 'closed', last: this.#access.last };
    const latter = await this.read();
    if (this.failure !== undefined) return [...former, ...latter];
    // From an event's last reading to the next one's first at once: nothing to speak of is missing.
    if (countsFromOpening(counter)) this.#reading = { ...this.#reading, broken };
    return [...former, { event: 'rebind' }, ...latter];
  }

  /** Reads the counter a last time, since it is there no more. It may be moved to a location later on. */
  async leave(): Promise<readonly CounterEvent[]> {
    const events = this.#access.state === 'open' ? await this.read() : [];
    const alive = this.#access.state === 'open';
    this.close();
    const error = new Error('it is not there any more');
    this.#access = { state: 'failed', last: undefined, error };
    this.#reading = { ...this.#reading, broken: true };
    return alive ? [...events, { event: 'gap', why: error.message }] : events;
  }

  /** What was counted since this was called last; a new interval begins. */
  settle(): Reading {
    const reading = this.#moved
      ? this.#reading
      : ({ kind: 'unknown', broken: this.#reading.broken } as const);
    this.#reading = NOTHING;
    this.#interval++;
    return reading;
  }

  close(): void {
    if (this.#access.state !== 'open') return;
    const { reader, last } = this.#access;
    this.#access = { state: 'closed', last: this.#resumable(last) };
    reader.close();
  }

  /** What counts from its opening on does so from 0; registers go on counting while nobody reads them. */
  #resumable(last: Seen | undefined): Seen | undefined {
    return countsFromOpening(this.#counter) ? undefined : last;
  }

  #add(last: Seen | undefined, now: Seen): readonly CounterEvent[] {
    const { joules, wrapped } = last ? advance(this.#counter, last, now) : NO_ADVANCE;
    if (joules === undefined) {
      this.#reading = { ...this.#reading, broken: true };
      return last ? [{ event: 'reset' }] : [];
    }
    // It was not read between the last two times that it was taken.
    const late = last !== undefined && last.interval < this.#interval - 1;
    const { kind, broken } = this.#reading;
    const before = this.#reading.kind === 'unknown' ? 0 : this.#reading.joules;
    this.#reading = { kind: late || kind === 'gap' ? 'gap' : 'known', joules: before + joules, broken };
    this.#moved ||= joules > 0;
    return wrapped ? [{ event: 'wrap' }] : [];
  }
}

const NO_ADVANCE = { joules: undefined, wrapped: false } as const;

/** Perf events, and power that is integrated. */
function countsFromOpening({ location }: Counter): boolean {
  return location.via === 'perf' || location.via === 'power';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
