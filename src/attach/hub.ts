// SPDX-License-Identifier: Apache-2.0
import { snapshotJson } from '../snapshot/json.ts';
import type { Measurement } from '../snapshot/measure.ts';
import { Accounts } from './accounts.ts';

interface Kept {
  readonly seq: number;
  /** The answer without its id, as it is sent. */
  readonly bytes: Buffer;
}

/** Intervals that are kept for those who get all of them, and are late. */
const KEEP_INTERVALS = 4;

/** What the agent measures, for all who are connected. */
export class Hub {
  readonly accounts: Accounts;
  readonly #kept: Kept[] = [];
  readonly #listeners = new Set<() => void>();
  /** Connections that may have whole intervals: without any none is kept. */
  #watchers = 0;
  #seq = 0;

  constructor(options: ConstructorParameters<typeof Accounts>[0]) {
    this.accounts = new Accounts(options);
  }

  add({ snapshot, charges }: Pick<Measurement, 'snapshot' | 'charges'>): void {
    const seq = ++this.#seq;
    const isNew = this.accounts.add({ snapshot, charges });
    if (this.#watchers > 0) {
      const text = JSON.stringify({ interval: { seq, snapshot: snapshotJson(snapshot) } });
      this.#kept.push({ seq, bytes: Buffer.from(`${text.slice(1)}\n`) });
      if (this.#kept.length > KEEP_INTERVALS) this.#kept.shift();
    }
    if (isNew || this.#watchers > 0) for (const listener of this.#listeners) listener();
  }

  /** The first interval that is kept of those after `seq`; for 0 the last one. */
  intervalAfter(seq: number): Kept | undefined {
    return seq === 0 ? this.#kept.at(-1) : this.#kept.find((one) => one.seq > seq);
  }

  /** Calls back after each interval, until what it returns is called. */
  join(listener: () => void, watches: boolean): () => void {
    this.#listeners.add(listener);
    if (watches) this.#watchers++;
    return () => {
      this.#listeners.delete(listener);
      if (watches && --this.#watchers === 0) this.#kept.length = 0;
    };
  }
}
