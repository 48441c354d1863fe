// SPDX-License-Identifier: Apache-2.0
// Cgroups that share the CPUs by weight, as the units of systemd do: a service in one, what users run in another.
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the controllers `cpu` and `cpuacct` are: v2 has both in one place, v1 may have them apart. */
function hierarchies() {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => /^\S+ \S+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line))
    .filter(Boolean)
    .map(([, point, type, options]) => ({ point, type, options: options.split(',') }));
  const v1 = (controller) =>
    mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
  const points = ['cpu', 'cpuacct'].map((controller) => v1(controller)?.point).filter(Boolean);
  if (points.length > 0) return [...new Set(points)];
  const v2 = mounts.find(({ type }) => type === 'cgroup2')?.point;
  if (v2 === undefined || !readFileSync(join(v2, 'cgroup.controllers'), 'utf8').split(/\s/).includes('cpu'))
    throw new Error('no cgroup controller of CPU time is mounted');
  giveController(join(v2, 'cgroup.subtree_control'));
  return [v2];
}

/** Lets cgroups at the top have weights, and takes that back at the end where they had none. */
function giveController(path) {
  if (readFileSync(path, 'utf8').split(/\s/).includes('cpu')) return;
  appendFileSync(path, '+cpu');
  process.once('exit', () => {
    try {
      appendFileSync(path, '-cpu');
    } catch {
      // Somebody else's cgroups need it by now.
    }
  });
}

/** A cgroup at the top with a weight as `CPUWeight=` has it: 100 is what every unit has that says nothing. */
export function cpuGroup(name, weight) {
  const paths = hierarchies().map((point) => join(point, `joules-${name}-${process.pid}`));
  for (const path of paths) {
    mkdirSync(path);
    const [shares, weights] = [join(path, 'cpu.shares'), join(path, 'cpu.weight')];
    if (existsSync(shares)) writeFileSync(shares, String(Math.round((weight * 1024) / 100)));
    if (existsSync(weights)) writeFileSync(weights, String(weight));
  }
  const find = (file) => paths.map((path) => join(path, file)).find(existsSync);
  return {
    /** Starts a program in it. */
    start(command, args, options) {
      const entries = paths.map((path) => `echo $$ > '${path}/cgroup.procs' && `).join('');
      return spawn('sh', ['-c', `${entries} exec "$0" "$@"`, command, ...args], options);
    },
    /** CPU time of all that ever ran in it. */
    usedSeconds() {
      const nanoseconds = find('cpuacct.usage');
      if (nanoseconds !== undefined) return Number(readFileSync(nanoseconds, 'utf8')) / 1e9;
      return Number(/^usage_usec (\d+)$/m.exec(readFileSync(find('cpu.stat'), 'utf8'))[1]) / 1e6;
    },
    /** Ends what runs in it, and removes it. */
    async close() {
      for (const path of paths) {
        for (let tries = 0; existsSync(path) && tries < 500; tries++) {
          for (const pid of readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
            try {
              process.kill(Number(pid), 'SIGKILL');
            } catch {
              // It has ended by itself.
            }
          }
          try {
            rmdirSync(path);
          } catch {
            await sleep(20);
          }
        }
      }
    },
  };
}
