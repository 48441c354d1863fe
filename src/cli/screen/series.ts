// SPDX-License-Identifier: Apache-2.0
import type { Frame } from '../../web/shared/wire.ts';
import type { Entry } from './entry.ts';

/** Made once of a frame, and gone with it. */
const byRow = new WeakMap<Frame, ReadonlyMap<number, number>>();
const byGroup = new WeakMap<Frame, ReadonlyMap<number, number>>();

/** What a row of the screen had in a frame, as power: frames are not all as long. */
export function energyIn(frame: Frame, { rows, groups, core }: Entry): number {
  if (core !== undefined) {
    for (let i = 0; i < frame.cores.length; i += 3)
      if (frame.cores[i] === core) return frame.cores[i + 1]! / frame.ms;
    return 0;
  }
  const energies = groups ? groupsOf(frame) : rowsOf(frame);
  let sum = 0;
  for (const id of groups ?? rows ?? []) sum += energies.get(id) ?? 0;
  return sum / frame.ms;
}

function rowsOf(frame: Frame): ReadonlyMap<number, number> {
  let energies = byRow.get(frame);
  if (!energies) {
    const { id, energy } = frame.rows!;
    byRow.set(frame, (energies = new Map(id.map((one, index) => [one, energy[index]!]))));
  }
  return energies;
}

function groupsOf(frame: Frame): ReadonlyMap<number, number> {
  let energies = byGroup.get(frame);
  if (!energies) {
    const made = new Map<number, number>();
    for (let i = 0; i < frame.groups.length; i += 2) made.set(frame.groups[i]!, frame.groups[i + 1]!);
    byGroup.set(frame, (energies = made));
  }
  return energies;
}
