// SPDX-License-Identifier: Apache-2.0
import type { LedgerLimits } from '../settings/types.ts';
import { Ledger, type LedgerReader } from './ledger.ts';

/**
 * A ledger that can begin anew, when what was used meanwhile is not known: each reader is then shown the last of what was
 * there once more, and after that series that begin at 0, with a start time of their own.
 */
export class RestartingLedger {
  readonly #limits: LedgerLimits;
  #current: Ledger;

  constructor(limits: LedgerLimits) {
    this.#limits = limits;
    this.#current = new Ledger(limits);
  }

  get current(): Ledger {
    return this.#current;
  }

  restart(): void {
    this.#current = new Ledger(this.#limits);
  }

  reader(...options: Parameters<Ledger['reader']>): LedgerReader {
    let ledger = this.#current;
    let reader = ledger.reader(...options);
    let isLastShown = false;
    return {
      latestMs: () => reader.latestMs(),
      collect: () => {
        if (ledger !== this.#current && isLastShown) {
          reader.close();
          ledger = this.#current;
          reader = ledger.reader(...options);
        }
        isLastShown = ledger !== this.#current;
        return reader.collect();
      },
      received: (series) => reader.received(series),
      close: () => reader.close(),
    };
  }
}
