// SPDX-License-Identifier: Apache-2.0
import { KERNEL } from '../../model/snapshot.ts';
import type { Dictionary } from './dictionary.ts';
import type { Shown } from './shown.ts';
import type { RowSum } from './sums.ts';
import type { GroupName, Level, RowName } from './wire.ts';

/** What a row of the table is. */
export const BY = ['process', 'program', 'container'] as const;
export type By = (typeof BY)[number];

/** A row of the table. */
export interface Item {
  readonly key: string;
  readonly label: string;
  readonly row: RowName;
  readonly group: GroupName;
  /** Rows of frames that it is the sum of. */
  readonly ids: number[];
  /** In the time that is shown: µJ, µJ or NaN, µs. */
  energy: number;
  error: number;
  cpu: number;
  /** In the longer time, µJ. */
  longer: number;
  /** Processes that are there, and that ended in the time that is shown. */
  alive: number;
  ended: number;
}

export interface Choice {
  readonly by: By;
  /** Words that must all be in its name, its pid or where it is. */
  readonly find: string;
  /** Key of a level, where only what is below it is shown. */
  readonly zoom: string | undefined;
}

/** The rows of the table: what was found, by what they are to be told apart. */
export function itemsOf(dictionary: Dictionary, shown: Shown, { by, find, zoom }: Choice): Item[] {
  const items = new Map<string, Item>();
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  for (const [id, longer] of shown.longer.rows) {
    const row = dictionary.rows.get(id);
    const group = row && dictionary.groups.get(row.group);
    if (!group || !isBelow(group, zoom) || !matches(row, group, words)) continue;
    const { key, label } = nameOf(by, id, row, group);
    let item = items.get(key);
    if (!item) {
      const nothing = { energy: 0, error: 0, cpu: 0, longer: 0, alive: 0, ended: 0 };
      items.set(key, (item = { key, label, row, group, ids: [], ...nothing }));
    }
    item.ids.push(id);
    addTo(item, row, shown.rows.get(id), longer);
  }
  return [...items.values()];
}

export function isBelow({ levels }: GroupName, zoom: string | undefined): boolean {
  return zoom === undefined || levels.some(({ key }) => key === zoom);
}

/** The name that kernel threads have together. */
export function programOf({ kernel, program }: RowName): string {
  return kernel ? KERNEL : program;
}

/** What a row's container, service or session is called. */
export function ownerOf({ levels, owner, title }: GroupName): Level {
  return { key: levels[owner]!.key, label: title };
}

/** A cgroup from the outermost level in. */
export function whereOf({ levels }: GroupName): string {
  return levels.map(({ label }) => label).join(' › ');
}

function nameOf(by: By, id: number, row: RowName, group: GroupName): { key: string; label: string } {
  if (by === 'container') return ownerOf(group);
  if (by === 'program') return { key: programOf(row), label: programOf(row) };
  return { key: String(id), label: row.program };
}

function matches(row: RowName, group: GroupName, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text =
    `${programOf(row)} ${row.program} ${row.pid ?? ''} ${whereOf(group)} ${group.path}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function addTo(item: Item, row: RowName, sum: Readonly<RowSum> | undefined, longer: Readonly<RowSum>): void {
  item.longer += longer.energy;
  if (!sum) return;
  item.energy += sum.energy;
  item.error += sum.error;
  item.cpu += sum.cpu;
  if (row.kind === 'ended') item.ended += sum.count;
  else if (row.kind === 'process') item.alive += Math.round(sum.count / sum.seen);
}
