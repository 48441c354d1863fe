// SPDX-License-Identifier: Apache-2.0
import { type Item, programOf } from '../../web/shared/items.ts';
import type { Entry } from './entry.ts';

/** A level of cgroups with what is in it. */
interface Node {
  key: string;
  label: string;
  readonly kids: Map<string, Node>;
  readonly programs: Map<string, Sum>;
  readonly sum: Sum;
}

type Sum = { -readonly [Key in keyof Entry]: Entry[Key] } & { rows: number[]; groups?: number[] };

export interface TreeOptions {
  /** Keys of groups whose rows are hidden. */
  readonly folded: ReadonlySet<string>;
  /** Whether the items are all that there are, so that sums of cgroups are theirs. */
  readonly isWhole: boolean;
}

/** Puts siblings in their order. */
type Sorter = (entries: readonly Entry[]) => readonly Entry[];

/**
 * The tree of cgroups as rows: each group with the sum of what is below it, then its groups and programs by size. Levels that
 * have one level in them and nothing else are one row, and so are the processes of a program in a cgroup.
 */
export function treeEntries(items: readonly Item[], options: TreeOptions, sort: Sorter): Entry[] {
  const root = nodeOf('', '');
  for (const item of items) add(root, item, options.isWhole);
  const all = new Map<string, Entry>();
  for (const kid of root.kids.values()) {
    foldChains(kid);
    complete(kid, 0, options, all);
  }
  // One order for all of them: where each stands among its siblings follows from it.
  const rank = new Map(sort([...all.values()]).map(({ key }, index) => [key, index]));
  const entries: Entry[] = [];
  lay(root, options.folded, rank, all, entries);
  return entries;
}

function add(root: Node, item: Item, isWhole: boolean): void {
  const { group, row, ids } = item;
  let at = root;
  for (const { key, label } of group.levels) {
    let kid = at.kids.get(key);
    if (!kid) at.kids.set(key, (kid = nodeOf(key, label)));
    addTo(kid.sum, item);
    if (isWhole) kid.sum.groups!.push(row.group);
    else kid.sum.rows.push(...ids);
    at = kid;
  }
  const program = row.kind === 'rest' ? row.program : programOf(row);
  let sum = at.programs.get(program);
  if (!sum) {
    sum = sumOf(`${at.key} ${program}`, program, 'quiet');
    sum.pid = row.pid;
    delete sum.groups;
    at.programs.set(program, sum);
  } else sum.pid = null;
  if (row.kind !== 'ended') sum.kind = 'process';
  addTo(sum, item);
  sum.rows.push(...ids);
}

function addTo(sum: Sum, { energy, error, cpu, longer, alive, ended }: Item): void {
  sum.energy += energy;
  sum.error += error;
  sum.cpu += cpu;
  sum.longer += longer;
  sum.alive += alive;
  sum.ended += ended;
}

function foldChains(node: Node): void {
  for (;;) {
    const [kid, ...others] = node.kids.values();
    if (!kid || others.length > 0 || node.programs.size > 0) break;
    node.key = kid.key;
    node.label = `${node.label}/${kid.label}`;
    node.kids.clear();
    for (const [key, grandchild] of kid.kids) node.kids.set(key, grandchild);
    for (const [key, program] of kid.programs) node.programs.set(key, program);
  }
  for (const kid of node.kids.values()) foldChains(kid);
}

/** Completes the sums, which are the rows from here on. */
function complete(node: Node, depth: number, options: TreeOptions, all: Map<string, Entry>): void {
  const { sum } = node;
  sum.key = node.key;
  sum.label = node.label;
  sum.depth = depth;
  sum.isFolded = options.folded.has(node.key);
  // Cgroups are fewer than processes.
  if (options.isWhole) sum.groups = [...new Set(sum.groups)];
  else delete sum.groups;
  all.set(sum.key, sum);
  for (const program of node.programs.values()) {
    program.depth = depth + 1;
    all.set(program.key, program);
  }
  for (const kid of node.kids.values()) complete(kid, depth + 1, options, all);
}

function lay(
  node: Node,
  folded: ReadonlySet<string>,
  rank: ReadonlyMap<string, number>,
  all: ReadonlyMap<string, Entry>,
  entries: Entry[],
): void {
  const kids = [...node.kids.values(), ...node.programs.values()];
  for (const kid of kids.toSorted((one, other) => rank.get(one.key)! - rank.get(other.key)!)) {
    entries.push(all.get(kid.key)!);
    if ('kids' in kid && !folded.has(kid.key)) lay(kid, folded, rank, all, entries);
  }
}

function nodeOf(key: string, label: string): Node {
  return { key, label, kids: new Map(), programs: new Map(), sum: sumOf(key, label, 'group') };
}

function sumOf(key: string, label: string, kind: Entry['kind']): Sum {
  const nothing = { energy: 0, error: 0, cpu: 0, longer: 0, alive: 0, ended: 0 };
  return { key, label, kind, depth: 0, pid: null, where: '', ...nothing, rows: [], groups: [] };
}
