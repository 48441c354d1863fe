// SPDX-License-Identifier: Apache-2.0
import { CalmOrder } from '../../web/shared/calm.ts';
import { type Item, itemsOf } from '../../web/shared/items.ts';
import type { View } from '../../settings/types.ts';
import type { Entry, Sort } from './entry.ts';
import { framesOfMean, type Scene } from './scene.ts';
import { treeEntries } from './tree.ts';

export interface Wanted {
  readonly view: View;
  readonly sort: Sort;
  readonly find: string;
  /** Keys of groups of the tree whose rows are hidden. */
  readonly folded: ReadonlySet<string>;
}

/** Rows in an order that people can read: it remembers the last one. */
export class Order {
  readonly #calm = new CalmOrder();
  #was = '';

  entries(scene: Scene, wanted: Wanted): readonly Entry[] {
    const { view, sort, find } = wanted;
    const { dictionary, shown } = scene;
    if (view === 'core') return this.#sorted(coreEntries(scene), wanted);
    const by = view === 'container' ? 'container' : 'process';
    // Whoever used nothing is shown where that is asked for which they used before.
    const items = itemsOf(dictionary, shown, { by, find, zoom: undefined }).filter(
      ({ energy, cpu }) => sort === 'joules' || energy !== 0 || cpu !== 0,
    );
    if (view !== 'cgroup')
      return this.#sorted(
        items.map((item) => entryOf(item, scene, wanted)),
        wanted,
      );
    return treeEntries(items, { folded: wanted.folded, isWhole: find === '' }, (entries) =>
      this.#sorted(entries, wanted),
    );
  }

  #sorted(entries: readonly Entry[], { view, sort, find }: Wanted): readonly Entry[] {
    if (sort === 'name') return entries.toSorted((one, other) => compare(one.label, other.label));
    if (sort === 'pid')
      return entries.toSorted((one, other) => (one.pid ?? Infinity) - (other.pid ?? Infinity));
    const was = `${view} ${sort} ${find}`;
    if (was !== this.#was) this.#calm.reset();
    this.#was = was;
    const size = sort === 'watts' ? 'energy' : sort === 'cpu' ? 'cpu' : 'longer';
    const byKey = new Map(entries.map((entry) => [entry.key, entry]));
    const order = this.#calm.next(new Map(entries.map((entry) => [entry.key, entry[size]])));
    return order.map((key) => byKey.get(key)!);
  }
}

/** Text as code points order it: the same on every machine. */
export function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function entryOf(item: Item, { dictionary }: Scene, { view, find }: Wanted): Entry {
  const { key, label, row, group, ids, energy, error, cpu, longer, alive, ended } = item;
  const isContainer = view === 'container';
  return {
    key,
    label,
    kind: isContainer ? 'group' : row.kind === 'ended' ? 'quiet' : 'process',
    depth: 0,
    pid: isContainer ? null : row.pid,
    where: group,
    energy,
    error,
    cpu,
    longer,
    alive,
    ended: row.kind === 'ended' || isContainer ? ended : 0,
    // All of a container is that of its cgroups, which are fewer than processes.
    ...(isContainer && find === ''
      ? { groups: [...new Set(ids.map((id) => dictionary.groupOf(id)))] }
      : { rows: ids }),
  };
}

function coreEntries(scene: Scene): Entry[] {
  const { dictionary, frames, cpus } = scene;
  const sums = new Map<number, { energy: number; idle: number; longer: number }>();
  const now = new Set(framesOfMean(scene));
  frames.forEach((frame) => {
    const { cores } = frame;
    for (let i = 0; i < cores.length; i += 3) {
      const sum = sums.get(cores[i]!) ?? { energy: 0, idle: 0, longer: 0 };
      sums.set(cores[i]!, sum);
      sum.longer += cores[i + 1]!;
      if (!now.has(frame)) continue;
      sum.energy += cores[i + 1]!;
      sum.idle += cores[i + 2]!;
    }
  });
  return Array.from(sums, ([core, { energy, idle, longer }]) => {
    const id = dictionary.cores.get(core) ?? '';
    const idlePart = energy > 0 ? `  idle ${Math.round((idle / energy) * 100)} %` : '';
    return {
      key: `core ${id}`,
      label: `core ${id}${idlePart}`,
      kind: 'core',
      depth: 0,
      pid: null,
      where: `CPUs ${cpus.get(id)?.join(', ') ?? ''}`,
      energy,
      error: Number.NaN,
      cpu: Number.NaN,
      longer,
      alive: 0,
      ended: 0,
      core,
    };
  });
}
