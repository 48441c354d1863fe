// SPDX-License-Identifier: Apache-2.0
// Cgroups as container runtimes make them, below one of our own.
import { mkdirSync, readFileSync, rmdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from './processes.mjs';

/** Where cgroups are made that the meter charges: controllers it looks for in v1, else the hierarchy of v2. */
function mountPoint() {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => /^\S+ \S+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line))
    .filter(Boolean)
    .map(([, point, type, options]) => ({ point, type, options: options.split(',') }));
  for (const controller of ['memory', 'pids', 'cpu', 'cpuacct', 'devices', 'freezer']) {
    const v1 = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
    if (v1) return v1.point;
  }
  const v2 = mounts.find(({ type }) => type === 'cgroup2');
  if (!v2) throw new Error('no cgroup hierarchy is mounted');
  return v2.point;
}

export function makeCgroups() {
  // A service, so that there is something which has an owner.
  const name = `joules-e2e-${process.pid}.service`;
  const top = join(mountPoint(), name);
  mkdirSync(top);
  return {
    /** What the paths of all of them begin with. */
    prefix: `/${name}`,
    make(path) {
      mkdirSync(join(top, path), { recursive: true });
    },
    /** Starts a program in one of them. */
    start(path, command, args, options) {
      const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"';
      return start('sh', ['-c', enter, join(top, path), command, ...args], options);
    },
    /** Removes one, and what is above it while it is empty; waits for the processes in it to be gone. */
    async remove(path) {
      for (let tries = 0; tries < 100; tries++) {
        try {
          rmdirSync(join(top, path));
          break;
        } catch (error) {
          if (error.code === 'ENOENT') break;
          await sleep(20);
        }
      }
      for (let above = dirname(path); above !== '.'; above = dirname(above)) {
        try {
          rmdirSync(join(top, above));
        } catch {
          return;
        }
      }
    },
    /** Removes all that are empty. */
    close: () => removeTree(top),
  };
}

function removeTree(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(directory, entry.name));
  }
  try {
    rmdirSync(directory);
  } catch (error) {
    console.error(`test:e2e: ${directory} stays: ${error.code}`);
  }
}
