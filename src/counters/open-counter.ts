// SPDX-License-Identifier: Apache-2.0

/** A counter that is open. `read()` rejects where it cannot be read, or is dead. */
export interface OpenCounter {
  read(): Promise<bigint>;
  close(): void;
}
