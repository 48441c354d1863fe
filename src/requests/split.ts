// SPDX-License-Identifier: Apache-2.0
import { type Label, REASONS, type Reason, type RequestLabel } from './label.ts';

/** Requests that are kept until a reading after their end. */
export const MAX_REQUESTS: number = 20_000;
/** A request that lasts longer, ms, is given up: what it used is `unended`. */
export const MAX_REQUEST_MS: number = 15 * 60_000;

export interface Used {
  /** What the process used since the last reading, J. */
  readonly joules: number;
  /** CPU time of all its threads in that time, ns. */
  readonly processNs: number;
  /** Who was charged CPU time in it. */
  readonly labels: readonly Label[];
  readonly nowMs: number;
}

/**
 * Splits the Joules of a process by CPU time, at one power for all of it. Whatever is added is in exactly one of: the
 * requests that `add()` returns, `rest`, and `activeJoules()`, what requests that are not over have used.
 */
export class Split {
  readonly rest: Record<Reason, number> = Object.fromEntries(REASONS.map((reason) => [reason, 0])) as Record<
    Reason,
    number
  >;
  readonly #requests = new Set<RequestLabel>();

  /** Takes a request, or refuses to where there are too many. */
  begin(request: RequestLabel): boolean {
    if (this.#requests.size >= MAX_REQUESTS) return false;
    this.#requests.add(request);
    return true;
  }

  /** What requests have used that have not been returned by `add()`, J. */
  activeJoules(): number {
    let joules = 0;
    for (const request of this.#requests) joules += request.joules;
    return joules;
  }

  /** What no CPU time is known of. */
  addOutside(joules: number): void {
    this.rest.outside_spans += joules;
  }

  /** Returns the requests that are over, with what they used. */
  add({ joules, processNs, labels, nowMs }: Used): RequestLabel[] {
    const labelledNs = labels.reduce((sum, { cpuNs }) => sum + cpuNs, 0);
    // The two clocks are not read at the same instant.
    const wholeNs = Math.max(processNs, labelledNs);
    if (wholeNs > 0) {
      const perNs = joules / wholeNs;
      for (const label of labels) this.#charge(label, perNs);
      this.rest.pool += (wholeNs - labelledNs) * perNs;
    } else {
      this.addOutside(joules);
    }
    const over: RequestLabel[] = [];
    for (const request of this.#requests) {
      if (request.attributes !== undefined) over.push(this.#end(request, 'outside_spans'));
      else if (nowMs - request.startedMs > MAX_REQUEST_MS)
        this.rest.unended += this.#end(request, 'unended').joules;
    }
    return over;
  }

  /** A span that turned out to be no HTTP request's. */
  disown(request: RequestLabel): void {
    if (!this.#requests.has(request)) return;
    this.rest.other_spans += this.#end(request, 'other_spans').joules;
  }

  #charge(label: Label, perNs: number): void {
    const used = label.cpuNs * perNs;
    if (label.reason !== undefined) {
      this.rest[label.reason] += used;
    } else {
      const request = label as RequestLabel;
      request.joules += used;
      request.readNs += label.cpuNs;
    }
    label.cpuNs = 0;
    label.touched = false;
  }

  /** From now on what it uses has that reason. */
  #end(request: RequestLabel, reason: Reason): RequestLabel {
    this.#requests.delete(request);
    request.reason = reason;
    return request;
  }
}
