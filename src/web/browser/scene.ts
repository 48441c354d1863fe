// SPDX-License-Identifier: Apache-2.0
import type { Owners } from '../shared/columns.ts';
import type { Shown, Span } from '../shared/shown.ts';
import type { Store } from '../shared/store.ts';
import type { Hello } from '../shared/wire.ts';
import type { View } from './view.ts';

/** All that is needed to draw the page once. */
export interface Scene {
  readonly store: Store;
  readonly hello: Hello | undefined;
  readonly view: View;
  /** Undefined where nothing is known of the time that is to be shown. */
  readonly shown: Shown | undefined;
  /** The time that chart and cores show. */
  readonly window: Span;
  readonly owners: Owners;
  /** Colour of each owner that has one. */
  readonly slots: ReadonlyMap<string, number>;
  readonly isPaused: boolean;
  readonly isLost: boolean;
  /** Whether the agent has been silent for longer than it should. */
  readonly isStale: boolean;
  /** The meter itself in the time that is shown. */
  readonly rate: { readonly watts: number; readonly switches: string; readonly lost: number };
  readonly change: (view: Partial<View>) => void;
}

/** Class that gives an owner's colour. */
export function slotClass(slots: ReadonlyMap<string, number>, owner: string | undefined): string {
  const slot = owner === undefined ? undefined : slots.get(owner);
  return slot === undefined ? 'other' : `s${slot}`;
}
