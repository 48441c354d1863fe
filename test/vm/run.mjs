#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:vm [-- KERNEL… JOB…]: the meter on real kernels, with energy that is known; `-- arm64` on another architecture.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { arm64System } from './arm64.mjs';
import { checkAccuracy, checkRace } from './checks.mjs';
import { checkChanges, checkHotplug, checkLate, checkSuspend } from './hotplug.mjs';
import { makeImage, ownSystem } from './image.mjs';
import { KERNELS, prepareKernel } from './kernels.mjs';
import { runMachine } from './machine.mjs';
import { checkVerify, checkVerifyPackage } from './verify.mjs';
import { checkLeads, checkPackages } from './packages.mjs';
import { findQemu, installTools } from './tools.mjs';

/** What is done in the guests (guest/NAME.sh), the longest first, and how it is judged. */
const JOBS = [
  { name: 'changes', check: checkChanges },
  { name: 'hotplug', check: checkHotplug },
  // Counters are judged alike on every kernel, and it takes long: one will do where none is asked for.
  { name: 'verify', check: checkVerify, usually: '6.12' },
  { name: 'verify-package', check: checkVerifyPackage, usually: '6.12' },
  { name: 'accuracy', check: checkAccuracy },
  { name: 'packages', check: checkPackages },
  { name: 'leads', check: checkLeads, usually: '6.12' },
  { name: 'suspend', check: checkSuspend },
  // Only with scopes do both threads of a core read.
  { name: 'race', check: checkRace, parallel: true, needsScope: true },
  { name: 'late', check: checkLate, boot: 'maxcpus=1' },
];

const here = import.meta.dirname;
const root = dirname(dirname(here));
// Not below build/, which node-gyp empties.
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/vm');
/** What is of this run: another may be under way. */
const own = join(cache, `run-${process.pid}`);

process.env.PATH += ':/usr/sbin:/sbin';
const count = { passed: 0, failed: 0, skipped: 0 };
/** CPUs that went offline and came back. */
let cycles = 0;

const { kernels, jobs, kernelIsNamed, unknown } = choose(process.argv.slice(2));
if (unknown.length > 0) {
  const known = [...KERNELS, ...JOBS].map(({ name }) => name);
  console.error(`test:vm: no kernel or job is called ${unknown.join(', ')}: there are ${known.join(', ')}`);
  process.exitCode = 2;
} else {
  await main();
}

/** Most kernels, or all jobs, where none is named; `kernelIsNamed`: then all jobs run on it. */
function choose(names) {
  const of = (all) => {
    const named = all.filter(({ name }) => names.includes(name));
    return named.length > 0 ? named : all.filter(({ onRequest }) => !onRequest);
  };
  const known = new Set([...KERNELS, ...JOBS].map(({ name }) => name));
  return {
    kernels: of(KERNELS),
    jobs: of(JOBS),
    kernelIsNamed: KERNELS.some(({ name }) => names.includes(name)),
    unknown: names.filter((name) => !known.has(name)),
  };
}

async function main() {
  const architectures = [...new Set(kernels.map(({ architecture }) => architecture))];
  let qemus;
  try {
    mkdirSync(own, { recursive: true });
    installTools(architectures);
    qemus = new Map(architectures.map((one) => [one, findQemu(one, cache)]));
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
  const boots = architectures.flatMap((architecture) => {
    const ofIt = ready.filter((kernel) => kernel.architecture === architecture);
    if (ofIt.length === 0) return [];
    try {
      return bootsOf(ofIt, qemus.get(architecture), makeImageOf(architecture, ofIt));
    } catch (error) {
      skip(`there is no disk for ${architecture}`, error);
      return [];
    }
  });
  if (ready.length > 0 && boots.length === 0)
    skip('nothing runs', new Error('these jobs are not judged on these kernels'));
  await runBoots(boots);
  summary();
}

function makeImageOf(architecture, ready) {
  const image = join(own, `image-${architecture}`);
  makeImage({
    image,
    root,
    guest: join(here, 'guest'),
    modules: ready.map(({ release, module }) => [release, module]),
    system: architecture === 'amd64' ? ownSystem(root) : arm64System(cache, own),
  });
  return image;
}

function bootsOf(ready, qemu, image) {
  return jobs.flatMap((job) =>
    ready
      .filter(({ scope }) => scope || !job.needsScope)
      .filter(({ name }) => kernelIsNamed || !job.usually || job.usually === name)
      .filter(({ jobs: itsOwn }) => !itsOwn || itsOwn.includes(job.name))
      .map((kernel) => ({ ...job, kernel, qemu, image })),
  );
}

/**
 * A machine that counts its own time keeps one CPU busy and cares for no other. What is judged of one that does not is
 * the same however long it takes.
 */
async function runBoots(boots) {
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let boot; (boot = boots.shift());) await testBoot(boot);
  });
  await Promise.all(workers);
}

async function testBoot({ kernel, qemu, image, name: job, check, boot = '', parallel = false }) {
  const { name, release, architecture, vmlinuz, scope } = kernel;
  const directory = join(own, name, job);
  const options = `scope=${scope ? 1 : 0} ${boot}`;
  const machine = { qemu, architecture, parallel, vmlinuz, image, out: directory, job, options };
  const out = join(directory, 'out');
  const status = join(out, 'status');
  const ran = await runMachine(machine);
  const { seconds } = ran;
  tell(`Linux ${release}, PMUs with ${scope ? 'scope' : 'cpumask'}, ${job}: ${seconds.toFixed(0)} s`);
  const test = (what, why) => report(`${name}: ${what}`, why);
  const ended = existsSync(status) && readFileSync(status, 'utf8').trim() === '0';
  test(`${job} runs to its end`, !ended && lastLines(ran));
  if (!ended) return;
  const log = readFileSync(join(out, 'dmesg'), 'utf8');
  const complaint = /^.*(BUG:|Oops|WARNING: CPU|INFO: task|rcu: INFO).*$/m.exec(log)?.[0];
  test(`${job}: the kernel does not complain`, complaint);
  try {
    cycles += check(out, { test, tell: (text) => tell(`${name}: ${text}`), scope }) ?? 0;
  } catch (error) {
    test(`${job} brings home all results`, `${error.stack}\n${readFileSync(join(out, 'console'), 'utf8')}`);
  }
}

function lastLines({ console: said }) {
  return said.trim().split('\n').slice(-20).join('\n');
}

function report(what, why) {
  count[why ? 'failed' : 'passed'] += 1;
  console.log(`${why ? 'FAIL' : 'ok  '} ${what}${why ? `: ${why}` : ''}`);
}

function tell(text) {
  console.log(`     ${text}`);
}

function skip(what, error) {
  count.skipped += 1;
  console.log(`skip ${what}: ${error.message}`);
}

function summary() {
  tell(
    `CPUs went offline and came back ${cycles} times; all took ${(performance.now() / 1000).toFixed(0)} s`,
  );
  // What failed is kept to be looked into.
  if (count.failed > 0) tell(`what the guests wrote is in ${own}`);
  else rmSync(own, { recursive: true, force: true });
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
  process.exitCode = count.failed > 0 ? 1 : 0;
}
