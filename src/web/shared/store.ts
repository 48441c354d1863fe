// SPDX-License-Identifier: Apache-2.0
import { Dictionary } from './dictionary.ts';
import { History } from './history.ts';
import { type Shown, shownNow, shownSpan, type Span } from './shown.ts';
import { Rolling } from './sums.ts';
import { type Bucket, FINE_MS, type Frame, type Hello, MEAN_MS, type Names, type Rows } from './wire.ts';

/**
 * All that a page knows. Agents number names each in their own way: the page has numbers of its own, so that its history
 * goes on when the agent is started again.
 */
export class Store {
  dictionary: Dictionary = new Dictionary();
  history: History = new History(this.dictionary);
  hello: Hello | undefined;
  #now = new Rolling(MEAN_MS);
  #minute = new Rolling(FINE_MS);
  #rows = new Map<number, number>();
  #groups = new Map<number, number>();
  #cores = new Map<number, number>();

  greet(hello: Hello): void {
    const former = this.hello?.source;
    // Figures of another source are no continuation of these.
    if (former && (former.name !== hello.source.name || former.kind !== hello.source.kind)) this.#forget();
    this.history.ms = hello.history;
    // All that it may speak of is told now.
    this.#clearNumbers();
    this.hello = hello;
    this.#learn(hello.names);
    this.#prune();
  }

  add(told: Frame): void {
    const { names, rows, ...frame } = told;
    if (names) this.#learn(names);
    // After a connection was lost some are told again.
    if (frame.time <= (this.history.last?.time ?? 0)) return;
    const own: Frame = {
      ...frame,
      groups: frame.groups.map((value, i) => (i % 2 === 0 ? this.#groups.get(value)! : value)),
      cores: frame.cores.map((value, i) => (i % 3 === 0 ? this.#cores.get(value)! : value)),
      ...(rows && { rows: this.#ownRows(rows) }),
    };
    this.history.add(own);
    if (own.rows) {
      this.#now.add({ ms: own.ms, rows: own.rows });
      this.#minute.add({ ms: own.ms, rows: own.rows });
    }
  }

  addBucket(bucket: Bucket): void {
    if (bucket.to > (this.history.buckets.at(-1)?.to ?? 0))
      this.history.addBucket({ ...bucket, rows: this.#ownRows(bucket.rows) });
  }

  /** The mean of the last 5 s, or of a span; undefined where nothing is known of it. */
  shown(span: Span | undefined): Shown | undefined {
    return span ? shownSpan(this.history, span) : shownNow(this.history, this.#now, this.#minute);
  }

  #ownRows(rows: Rows): Rows {
    return { ...rows, id: rows.id.map((id) => this.#rows.get(id)!) };
  }

  #learn({ rows, groups, cores, gone }: Names): void {
    const { dictionary } = this;
    for (const [id, name] of groups) this.#groups.set(id, dictionary.group(name));
    for (const [id, name] of rows)
      this.#rows.set(id, dictionary.row({ ...name, group: this.#groups.get(name.group)! }));
    for (const [id, name] of cores) this.#cores.set(id, dictionary.core(name));
    dictionary.takeNews();
    for (const number of gone) {
      this.#rows.delete(number);
      this.#groups.delete(number);
    }
    if (gone.length > 0) this.#prune();
  }

  #forget(): void {
    this.dictionary = new Dictionary();
    this.history = new History(this.dictionary);
    this.#now = new Rolling(MEAN_MS);
    this.#minute = new Rolling(FINE_MS);
    this.#clearNumbers();
  }

  #clearNumbers(): void {
    for (const own of [this.#rows, this.#groups, this.#cores]) own.clear();
  }

  /** Forgets what neither the history has nor the agent may speak of. */
  #prune(): void {
    const used = this.history.used();
    for (const numbers of [this.#rows, this.#groups]) for (const number of numbers.values()) used.add(number);
    this.dictionary.keep(used);
    this.dictionary.takeNews();
  }
}
