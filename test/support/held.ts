// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** bpftool is in /usr/sbin, which is not in every PATH. */
const ENVIRONMENT = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };

/** What `read` gives of each entry of a directory of /proc, by its name; entries that go meanwhile are left out. */
function each(directory: string, read: (path: string) => string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory)) {
    try {
      found.set(name, read(`${directory}/${name}`));
    } catch {
      // As the descriptor that read the directory itself.
    }
  }
  return found;
}

function countEach(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Descriptors of this process with what they are of: `anon_inode:bpf-map`, `/dev/null`. */
export function descriptors(): ReadonlyMap<number, string> {
  return new Map([...each('/proc/self/fd', readlinkSync)].map(([fd, target]) => [Number(fd), target]));
}

/** How many of each kind are open, pipes and sockets apart, which are those of the test itself. */
export function openDescriptors(): Record<string, number> {
  return countEach([...descriptors().values()].filter((target) => !/^(pipe|socket):/.test(target)));
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
  const infos = each('/proc/self/fdinfo', (path) => readFileSync(path, 'latin1'));
  return [...infos.values()].filter((info) => new RegExp(`^${kind}_id:`, 'm').test(info));
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
  const open = [...descriptors().values()].map((target) => target.replace(/\[?\d+\]?$/, ''));
  const mappings = [...readFileSync('/proc/self/maps', 'latin1').matchAll(/anon_inode:.*$/gm)];
  const threads = readdirSync('/proc/self/task').map(() => 'thread');
  return countEach([...open, ...mappings.map(([name]) => `mapping of ${name}`), ...threads]);
}
