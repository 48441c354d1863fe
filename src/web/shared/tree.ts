// SPDX-License-Identifier: Apache-2.0
import type { Dictionary } from './dictionary.ts';
import { ownerOf, programOf } from './items.ts';
import type { Shown } from './shown.ts';
import type { GroupName, RowName } from './wire.ts';

export type NodeKind = 'machine' | 'group' | 'program' | 'idle' | 'nobody' | 'more';

/** A part of the machine, and what is in it. */
export interface TreeNode {
  key: string;
  label: string;
  readonly kind: NodeKind;
  /** µJ. */
  energy: number;
  /** Key of the container, service or session that it is in or is. */
  owner: string | undefined;
  kids: Map<string, TreeNode>;
  /** Of a program: processes. */
  count: number;
}

/** A node at its place: offset and width as parts of the whole width, row from 0. */
export interface Box {
  readonly node: TreeNode;
  readonly x: number;
  readonly width: number;
  readonly depth: number;
}

/** Where the energy went: machine, levels of cgroups, programs; and beside them idle and nobody. */
export function treeOf(dictionary: Dictionary, shown: Shown, host: string): TreeNode {
  const root = node('', host, 'machine');
  root.energy = shown.total;
  for (const [id, { energy, count, seen }] of shown.rows) {
    const row = dictionary.rows.get(id);
    const group = row && dictionary.groups.get(row.group);
    if (!group || energy <= 0) continue;
    const leaf = leafOf(root, row, group, energy);
    leaf.energy += energy;
    leaf.count += row.kind === 'ended' ? count : Math.round(count / seen);
  }
  const { idle, shared, gap, lost } = shown.ledger;
  const others = [
    ['idle', idle, 'idle'],
    ['shared', shared, 'nobody'],
    ['gap', gap, 'nobody'],
    ['lost', lost, 'nobody'],
  ] as const;
  for (const [label, energy, kind] of others)
    if (energy > 0) root.kids.set(label, { ...node(label, label, kind), energy });
  for (const kid of root.kids.values()) foldChains(kid);
  return root;
}

/** The way from the root to a key, as far as it goes. */
export function trailTo(root: TreeNode, key: string | undefined): TreeNode[] {
  if (key === undefined) return [root];
  const within = (one: TreeNode): TreeNode[] | undefined => {
    if (one.key === key || one.key.split('\n').includes(key)) return [one];
    for (const kid of one.kids.values()) {
      const rest = kid.kind === 'group' ? within(kid) : undefined;
      if (rest) return [one, ...rest];
    }
    return undefined;
  };
  return within(root) ?? [root];
}

export interface LayoutOptions {
  /** Narrower ones are put together, as a part of the whole width. */
  readonly least: number;
  readonly depth: number;
}

/** Boxes from the top down. Their order is by name: sizes change every second, and boxes that swap cannot be read. */
export function layOut(top: TreeNode, { least, depth }: LayoutOptions): Box[] {
  const boxes: Box[] = [];
  const lay = (one: TreeNode, x: number, width: number, row: number): void => {
    boxes.push({ node: one, x, width, depth: row });
    if (row + 1 >= depth || one.energy <= 0) return;
    const scale = width / one.energy;
    const rest = { ...node(`${one.key} more`, '', 'more'), owner: one.owner };
    let at = x;
    for (const kid of inOrder(one)) {
      if (kid.energy * scale < least) {
        rest.energy += kid.energy;
        rest.count++;
        continue;
      }
      lay(kid, at, kid.energy * scale, row + 1);
      at += kid.energy * scale;
    }
    rest.label = `${rest.count} more`;
    if (rest.energy * scale >= least / 2)
      boxes.push({ node: rest, x: at, width: rest.energy * scale, depth: row + 1 });
  };
  lay(top, 0, 1, 0);
  return boxes;
}

function node(key: string, label: string, kind: NodeKind): TreeNode {
  return { key, label, kind, energy: 0, owner: undefined, kids: new Map(), count: 0 };
}

function leafOf(root: TreeNode, row: RowName, group: GroupName, energy: number): TreeNode {
  let at = root;
  group.levels.forEach(({ key, label }, level) => {
    let kid = at.kids.get(key);
    if (!kid) {
      kid = node(key, label, 'group');
      if (level >= group.owner) kid.owner = ownerOf(group).key;
      at.kids.set(key, kid);
    }
    kid.energy += energy;
    at = kid;
  });
  const program = programOf(row);
  const key = `${at.key} ${program}`;
  let leaf = at.kids.get(key);
  if (!leaf) {
    leaf = { ...node(key, program, 'program'), owner: ownerOf(group).key };
    at.kids.set(key, leaf);
  }
  return leaf;
}

/** Levels with one level in them and nothing else are one box. */
function foldChains(one: TreeNode): void {
  for (;;) {
    const [kid, ...others] = one.kids.values();
    if (!kid || others.length > 0 || kid.kind !== 'group') break;
    one.key = `${one.key}\n${kid.key}`;
    one.label = `${one.label} › ${kid.label}`;
    one.owner = kid.owner;
    one.kids = kid.kids;
  }
  for (const kid of one.kids.values()) foldChains(kid);
}

function inOrder({ kids }: TreeNode): TreeNode[] {
  const last = (one: TreeNode): number => (one.kind === 'idle' ? 1 : one.kind === 'nobody' ? 2 : 0);
  return [...kids.values()].toSorted(
    (one, other) => last(one) - last(other) || (one.label < other.label ? -1 : 1),
  );
}
