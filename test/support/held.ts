// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** bpftool is in /usr/sbin, which is not in every PATH. */
const ENVIRONMENT = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };

/** What `read` gives of each entry of a directory of /proc; entries that go meanwhile are left out. */
function each(directory: string, read: (path: string) => string): string[] {
  return readdirSync(directory).flatMap((name) => {
    try {
      return [read(`${directory}/${name}`)];
    } catch {
      return [];
    }
  });
}

/** Runs bpftool and parses what it prints. */
export function bpftool(...args: string[]): unknown {
  return JSON.parse(
    execFileSync('bpftool', ['-j', ...args], { encoding: 'utf8', env: ENVIRONMENT }) || 'null',
  );
}

/**
 * What /proc tells of the maps, programs or links that this process holds. Only this process's: other meters on
 * the machine have objects of the same names.
 */
export function heldInfos(kind: 'map' | 'prog' | 'link'): string[] {
  return each('/proc/self/fdinfo', (path) => readFileSync(path, 'latin1')).filter((info) =>
    new RegExp(`^${kind}_id:`, 'm').test(info),
  );
}

/** The kernel's ids of those. */
export function heldIds(kind: 'map' | 'prog' | 'link'): number[] {
  return heldInfos(kind).map((info) => Number(new RegExp(`^${kind}_id:\\s*(\\d+)$`, 'm').exec(info)![1]));
}

/** The id of the map of this name that this process made last. */
export function heldMap(name: string): number {
  const found = heldIds('map').filter(
    (id) => (bpftool('map', 'show', 'id', `${id}`) as { name: string }).name === name,
  );
  if (found.length === 0) throw new Error(`this process holds no map ${name}`);
  // The kernel counts them up.
  return Math.max(...found);
}

/** All that keeps something open in the kernel: descriptors, mappings of such, and threads, by how many there are. */
export function holdings(): Record<string, number> {
  const counts: Record<string, number> = {};
  const descriptors = each('/proc/self/fd', readlinkSync).map((link) => link.replace(/\[?\d+\]?$/, ''));
  const mappings = [...readFileSync('/proc/self/maps', 'latin1').matchAll(/anon_inode:.*$/gm)];
  const threads = readdirSync('/proc/self/task').map(() => 'thread');
  for (const one of [...descriptors, ...mappings.map(([name]) => `mapping of ${name}`), ...threads])
    counts[one] = (counts[one] ?? 0) + 1;
  return counts;
}
