#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:vm [-- KERNEL…]: the meter on real kernels, with energy that is known.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkAccuracy, checkRace } from './checks.mjs';
import { checkChanges, checkHotplug, checkSuspend } from './hotplug.mjs';
import { makeImage } from './image.mjs';
import { KERNELS, prepareKernel } from './kernels.mjs';
import { runMachine } from './machine.mjs';
import { findQemu, installTools } from './tools.mjs';

const here = import.meta.dirname;
const root = dirname(dirname(here));
// Not below build/, which node-gyp empties.
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/vm');
/** What is of this run: another may be under way. */
const own = join(cache, `run-${process.pid}`);

process.env.PATH += ':/usr/sbin:/sbin';
const wanted = process.argv.slice(2);
const kernels = KERNELS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const count = { passed: 0, failed: 0 };
/** CPUs that went offline and came back. */
let cycles = 0;

await main();

async function main() {
  let qemu;
  try {
    mkdirSync(own, { recursive: true });
    installTools();
    qemu = findQemu(cache);
  } catch (error) {
    skip('virtual machines cannot run here', error);
    return summary();
  }
  const missing = ['build/Release/energy.node', 'dist/cli/main.js'].find(
    (path) => !existsSync(join(root, path)),
  );
  if (missing) {
    skip('nothing to test', new Error(`${missing} is missing: run npm run build first`));
    return summary();
  }
  const ready = [];
  for (const kernel of kernels) {
    try {
      ready.push({ ...kernel, ...prepareKernel(kernel, join(cache, 'kernels'), join(here, 'module'), own) });
    } catch (error) {
      skip(`Linux ${kernel.name} cannot be prepared`, error);
    }
  }
  if (ready.length > 0) {
    const image = join(own, 'image');
    makeImage({
      image,
      root,
      guest: join(here, 'guest'),
      modules: ready.map(({ release, module }) => [release, module]),
    });
    for (const kernel of ready) await testKernel(kernel, qemu, image);
  }
  summary();
}

async function testKernel(kernel, qemu, image) {
  const boot = (job, check, how) => testBoot({ kernel, qemu, image, job, check, ...how });
  await boot('accuracy.sh', checkAccuracy);
  await boot('hotplug.sh', checkHotplug);
  await boot('changes.sh', checkChanges);
  // An emulated machine that counts instructions does not wake up.
  await boot('suspend.sh', checkSuspend, { parallel: true });
  // Only with scopes do both threads of a core read.
  if (kernel.scope) await boot('race.sh', checkRace, { parallel: true });
}

async function testBoot({ kernel, qemu, image, job, check, parallel = false }) {
  const { name, release, vmlinuz, scope } = kernel;
  const directory = join(own, name, job);
  const options = `scope=${scope ? 1 : 0}`;
  const machine = { qemu, parallel, vmlinuz, image, out: directory, job, options, timeoutSeconds: 240 };
  const { seconds, console: said } = await runMachine(machine);
  tell(`Linux ${release}, PMUs with ${scope ? 'scope' : 'cpumask'}, ${job}: ${seconds.toFixed(0)} s`);
  const out = join(directory, 'out');
  const test = (what, why) => report(`${name}: ${what}`, why);
  const status = join(out, 'status');
  const ended = existsSync(status) && readFileSync(status, 'utf8').trim() === '0';
  test(`${job} runs to its end`, !ended && said.trim().split('\n').slice(-20).join('\n'));
  if (!ended) return;
  const log = readFileSync(join(out, 'dmesg'), 'utf8');
  const complaint = /^.*(BUG:|Oops|WARNING: CPU|INFO: task|rcu: INFO).*$/m.exec(log)?.[0];
  test(`${job}: the kernel does not complain`, complaint);
  try {
    cycles += check(out, { test, tell: (text) => tell(`${name}: ${text}`) }) ?? 0;
  } catch (error) {
    test(`${job} brings home all results`, `${error.stack}\n${readFileSync(join(out, 'console'), 'utf8')}`);
  }
}

function report(what, why) {
  count[why ? 'failed' : 'passed'] += 1;
  console.log(`${why ? 'FAIL' : 'ok  '} ${what}${why ? `: ${why}` : ''}`);
}

function tell(text) {
  console.log(`     ${text}`);
}

function skip(what, error) {
  console.log(`skip ${what}: ${error.message}`);
}

function summary() {
  tell(`CPUs went offline and came back ${cycles} times`);
  console.log(`${count.passed} passed, ${count.failed} failed`);
  // What failed is kept to be looked into.
  if (count.failed > 0) tell(`what the guests wrote is in ${own}`);
  else rmSync(own, { recursive: true, force: true });
  process.exitCode = count.failed > 0 ? 1 : 0;
}
