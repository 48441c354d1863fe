// SPDX-License-Identifier: Apache-2.0

/** Different texts of a receiver that are told, at most: one could say something new at every request. */
const TEXTS = 8;

/** Tells the user what becomes of the metrics, each thing once. */
export class OtlpReport {
  readonly #url: string;
  readonly #log: (line: string) => void;
  readonly #told = new Set<string>();
  readonly #tell: (line: string) => void;
  #down = false;
  #hasArrived = false;

  constructor(url: string, log: (line: string) => void, tell: (line: string) => void = () => {}) {
    this.#url = url;
    this.#log = log;
    this.#tell = tell;
  }

  /** An export is over: an outage is told when it begins and when it ends. */
  exported(failure: string | undefined): void {
    const down = failure !== undefined;
    if (down && !this.#down) {
      this.#log(
        `cannot send metrics to ${this.#url} (${failure}): while the agent runs, energy is kept and sent when it answers`,
      );
    } else if (!down && this.#down) {
      this.#log(`sending metrics to ${this.#url} again`);
    } else if (!down && !this.#hasArrived) this.#tell(`metrics arrive at ${this.#url}`);
    this.#hasArrived ||= !down;
    this.#down = down;
  }

  /** A request of the last export has failed, and is tried again while there is time. */
  failing(failure: string): void {
    if (!this.#down) this.#log(`cannot send metrics to ${this.#url} (${failure})`);
    this.#down = true;
  }

  /** A partial success: what was rejected is not to be sent again. */
  taken({ rejected, message }: { readonly rejected: number; readonly message: string }): void {
    if (rejected === 0 && message === '') return;
    const what = rejected > 0 ? `rejected ${rejected} data points, which are lost` : 'took the metrics';
    this.#once(`partial ${message}`, `${this.#url} ${what}: ${message || 'no reason given'}`);
  }

  tooLarge(reason: string, bytes: number, series: number): void {
    if (series > 1) {
      this.#once(
        'large',
        `${this.#url} refuses a request of ${bytes} bytes for its size (${reason}): smaller ones are tried`,
      );
    } else {
      this.#once(
        'single',
        `${this.#url} refuses a single series of ${bytes} bytes for its size (${reason}): it is left out`,
      );
    }
  }

  #once(key: string, line: string): void {
    if (this.#told.has(key) || this.#told.size >= TEXTS) return;
    this.#told.add(key);
    this.#log(line);
  }
}
