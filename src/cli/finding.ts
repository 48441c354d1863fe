// SPDX-License-Identifier: Apache-2.0

/** A line of `joules doctor`. */
export interface Finding {
  readonly name: string;
  /** null: a fact, neither good nor bad. */
  readonly ok: boolean | null;
  readonly detail: string;
}
