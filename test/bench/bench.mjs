// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: prints Markdown tables. All figures of a row come from one interleaved run.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { findHierarchy } = createRequire(import.meta.url)('../../dist/identity/hierarchy.js');
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '../..');
const out = join(root, 'build/bench');
const ROUNDS = process.env['ROUNDS'] ?? '15';

/** [what, tasks, cgroups, KiB touched between two switches, whether both CPUs share a counter] */
const CASES = [
  ['2 tasks, 2 cgroups', 2, 2, 0, 0],
  ['64 tasks, 4 cgroups', 64, 4, 0, 0],
  ['16 tasks, cold caches', 16, 2, 256, 0],
  ['2 tasks, 2 cgroups, shared counter', 2, 2, 0, 1],
  ['64 tasks, 4 cgroups, shared counter', 64, 4, 0, 1],
  ['16 tasks, cold caches, shared counter', 16, 2, 256, 1],
];

function sh(script) {
  const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;
  return execFileSync('sh', ['-ec', script], { cwd: root, env: { ...process.env, PATH }, encoding: 'utf8' });
}

function build() {
  mkdirSync(out, { recursive: true });
  sh(`clang -O2 -g -Wall -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Ibpf -c test/bench/reference.bpf.c -o ${out}/reference.o
      bpftool gen skeleton ${out}/reference.o name reference_bpf > ${out}/reference.skel.h
      g++ -O2 -std=c++17 -Wall -Inative -Ibpf -Ibuild/Release/obj/gen/bpf -I${out} \
        test/bench/switches.cc native/probe.cc native/drain.cc -o ${out}/switches -l:libbpf.a -lelf -lz
      g++ -O2 -std=c++17 -Wall test/bench/crowd.cc -o ${out}/crowd`);
}

/** Where the tasks' cgroups are made: the hierarchy that the meter charges. */
function cgroupDirectory() {
  return findHierarchy('/proc').mount;
}

/** [processes, cgroups, ms between two wake-ups of each] */
const CROWDS = [
  [100, 10, 1000],
  [1000, 100, 1000],
  [10_000, 2000, 10_000],
  [10_000, 2000, 1000],
];

/** The flags that bin/joules runs node with. */
const NODE_FLAGS = readFileSync(join(root, 'bin/joules'), 'utf8').split('\n', 1)[0].match(/--\S+/g);

/** Runs the meter beside a crowd. */
async function measureCrowd(processes, cgroups, periodMs) {
  const crowd = spawn(join(out, 'crowd'), [processes, cgroups, periodMs, cgroupDirectory()].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(crowd.stdout, 'data');
  const warmUp = String(Math.ceil(2 + (1.5 * periodMs) / 1000));
  const text = execFileSync(process.execPath, [...NODE_FLAGS, join(here, 'snapshots.mjs'), warmUp]);
  crowd.stdin.end();
  await once(crowd, 'exit');
  return JSON.parse(String(text));
}

build();
const cpu = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
console.log(
  `# Cost of a context switch\n\nLinux ${release()}, ${cpu}, ${ROUNDS} interleaved rounds, medians (spread: MAD as σ).`,
);
console.log('Program bodies by bpf_stats, ns above an empty program attached just before and after.\n');
console.log(
  '| load | empty, itself | ours | naive | ours / naive | switches |\n|---|---:|---:|---:|---:|---:|',
);
for (const [what, tasks, cgroups, cold, shared] of CASES) {
  const text = execFileSync(
    join(out, 'switches'),
    [tasks, cgroups, cold, shared, ROUNDS, cgroupDirectory()].map(String),
  );
  const r = JSON.parse(String(text));
  console.log(
    `| ${what} | ${r.empty_ns} | ${r.ours_ns} ± ${r.ours_spread_ns} | ${r.naive_ns} ± ${r.naive_spread_ns} | ${r.ratio.toFixed(3)} | ${r.switches} |`,
  );
}

console.log('\n# Cost of an interval of 1 s\n');
console.log(
  "CPU of all the agent's threads; the longest that its event loop was held up: in an interval, by a Prometheus page, and\n" +
    'at the start, where all are named at once; its memory. Medians, but for the start.\n',
);
console.log(
  '| alive | cgroups | charged in an interval | CPU, ms | held up, ms | by a page, ms | at the start, ms | RSS, MB |\n|---:|---:|---:|---:|---:|---:|---:|---:|',
);
for (const [processes, cgroups, periodMs] of CROWDS) {
  const r = await measureCrowd(processes, cgroups, periodMs);
  console.log(
    `| ${processes} | ${cgroups} | ${r.processes} | ${r.cpuMs.toFixed(1)} | ${r.heldUpMs.toFixed(1)} | ${r.pageHeldUpMs.toFixed(1)} | ${r.firstHeldUpMs.toFixed(1)} | ${r.rssMb.toFixed(0)} |`,
  );
}
