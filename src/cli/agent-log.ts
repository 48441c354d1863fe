// SPDX-License-Identifier: Apache-2.0
// What the agent says on stderr: how it began, what happens, how it ended. Nothing is said again and again.
import type { Snapshot } from '../model/snapshot.ts';
import type { Capability } from '../host/capabilities.ts';
import type { Meter } from '../meter.ts';
import type { Publisher } from '../otel/publish.ts';
import { describeWatts } from '../sources/estimated.ts';
import { duration } from './duration.ts';
import { rejections } from './outlook.ts';
import { complain, figure } from './print.ts';
import { splitPlan } from './split-text.ts';
import { summary } from './table.ts';
import { sayWaiting } from './waiting.ts';

/** Said once at the start: what is measured how, why not better, and where it goes. */
export function announce(
  { selection, blindTo }: Meter,
  { endpoints, origin }: Publisher,
  { isVirtual, kept }: { readonly isVirtual: boolean; readonly kept: readonly Capability[] },
): void {
  const { source } = selection;
  for (const { name, ok, detail } of rejections(selection, isVirtual))
    if (ok === false) complain(`not ${name}: ${detail}`);
  const kind = source.kind === source.name ? '' : `${source.kind}, `;
  complain(`source ${source.name} (${kind}scope ${source.scope}${splitPlan(source)})`);
  if (source.reader === 'none') {
    const why = isVirtual ? ', as virtual machines have no counter' : '';
    complain(`these are ESTIMATES${why}: ${describeWatts(source.watts)}, times CPU time`);
  }
  if (blindTo) complain(blindTo);
  for (const endpoint of endpoints) complain(`publishing at ${endpoint}`);
  if (endpoints.length === 0) complain('publishing nowhere');
  // A Unix socket is not for browsers.
  if (origin?.startsWith('http')) complain(`to look at it in a browser: ${origin}/`);
  complain(`privileges kept: ${kept.join(', ') || 'none'}`);
}

/** Follows the intervals of an agent. */
export class AgentLog {
  readonly #beganMs = performance.now();
  readonly #showsFigures: boolean;
  #joules = 0;
  #intervals = 0;
  #digits: number | undefined;
  #failure: string | undefined;
  readonly #word = sayWaiting('waiting for the first figures');

  constructor(showsFigures: boolean) {
    this.#showsFigures = showsFigures;
  }

  /** On a terminal the figures of now are redrawn in place; elsewhere the first ones are said, which show that it works. */
  measured(snapshot: Snapshot): void {
    this.endWord();
    if (this.#failure !== undefined) complain('intervals are measured again');
    this.#failure = undefined;
    this.#joules += snapshot.totals.counter_j;
    this.#digits = snapshot.source.estimate?.digits;
    this.#intervals++;
    if (!this.#showsFigures) return;
    const line = summary(snapshot);
    if (process.stderr.isTTY) {
      // A terminal that is stopped shows what is now when it goes on.
      if (process.stderr.writableLength > 0) return;
      process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    } else if (this.#intervals === 1) complain(`first figures: ${line}`);
  }

  /** An interval was not measured: said when that begins, and when it has another reason. */
  failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (why !== this.#failure) complain(`an interval was not measured, the next one covers it: ${why}`);
    this.#failure = why;
  }

  /** What was waited for is there, or will not come. */
  endWord(): void {
    this.#word.end();
  }

  ended(): void {
    if (process.stderr.isTTY) process.stderr.write('\n');
    const time = duration((performance.now() - this.#beganMs) * 1e6);
    complain(
      `stopped after ${time}: ${figure(this.#joules, 1, this.#digits)} J in ${this.#intervals} interval${this.#intervals === 1 ? '' : 's'}`,
    );
  }
}
