#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:vm [-- KERNEL… JOB…]: the meter on real kernels, with energy that is known.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkAccuracy, checkRace } from './checks.mjs';
import { checkChanges, checkHotplug, checkLate, checkSuspend } from './hotplug.mjs';
import { KERNELS } from './kernels.mjs';
import { runMachine } from './machine.mjs';
import { checkLeads, checkPackages } from './packages.mjs';
import { prepareBeside } from './prepare.mjs';
import { checkTurns } from './turns.mjs';
import { checkVerify, checkVerifyPackage } from './verify.mjs';

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
  { name: 'turns', check: checkTurns, usually: '6.12' },
  { name: 'suspend', check: checkSuspend },
  // Only with scopes do both threads of a core read.
  { name: 'race', check: checkRace, parallel: true, needsScope: true },
  { name: 'late', check: checkLate, boot: 'maxcpus=1' },
];

const root = dirname(dirname(import.meta.dirname));
// Not below build/, which node-gyp empties.
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/vm');
/** What is of this run: another may be under way. */
const own = join(cache, `run-${process.pid}`);

process.env.PATH += ':/usr/sbin:/sbin';
const count = { passed: 0, failed: 0, skipped: 0 };
/** CPUs that went offline and came back. */
let cycles = 0;

const { plan, unknown } = choose(process.argv.slice(2));
if (unknown.length > 0) {
  const known = [...KERNELS, ...JOBS].map(({ name }) => name);
  console.error(`test:vm: no kernel or job is called ${unknown.join(', ')}: there are ${known.join(', ')}`);
  process.exitCode = 2;
} else {
  await main();
}

/** { plan: jobs, each with its kernel }: of all kernels, or of all jobs, where none is named. */
function choose(names) {
  const of = (all) => {
    const named = all.filter(({ name }) => names.includes(name));
    return named.length > 0 ? named : all;
  };
  const known = new Set([...KERNELS, ...JOBS].map(({ name }) => name));
  const isAsked = KERNELS.some(({ name }) => names.includes(name));
  const boots = of(JOBS).flatMap((job) =>
    of(KERNELS)
      .filter(({ scope }) => scope || !job.needsScope)
      .filter(({ name }) => isAsked || !job.usually || job.usually === name)
      .filter((kernel) => (isAsked ? kernel.jobs : kernel.usually)?.includes(job.name) ?? true)
      .map((kernel) => ({ ...job, kernel })),
  );
  return { plan: boots, unknown: names.filter((name) => !known.has(name)) };
}

async function main() {
  mkdirSync(own, { recursive: true });
  const missing = ['build/Release/energy.node', 'dist/cli/main.js'].find(
    (path) => !existsSync(join(root, path)),
  );
  if (missing) skip('nothing to test', `${missing} is missing: run npm run build first`);
  else if (plan.length === 0) skip('nothing runs', 'these jobs are not judged on these kernels');
  else await runBoots();
  summary();
}

/**
 * A machine that counts its own time keeps one CPU busy and cares for no other. What is judged of one that does not is
 * the same however long it takes. Of a second architecture all is fetched and compiled while the first one's run.
 */
async function runBoots() {
  const [first, ...others] = new Set(plan.map(({ kernel }) => kernel.architecture));
  const boots = await prepareBoots(first);
  const later = (async () => {
    for (const architecture of others) boots.unshift(...(await prepareBoots(architecture)));
  })();
  const work = async () => {
    for (let boot; (boot = boots.shift());) await testBoot(boot);
  };
  const workers = Array.from({ length: availableParallelism() }, async () => {
    await work();
    await later;
    await work();
  });
  await Promise.all(workers);
}

/** What is planned for an architecture, with all that it is booted with; it is told why what cannot be had is left out. */
async function prepareBoots(architecture) {
  const planned = plan.filter(({ kernel }) => kernel.architecture === architecture);
  const wanted = new Set(planned.map(({ kernel }) => kernel));
  const prepared = await prepareBeside({ architecture, kernels: [...wanted], cache, own });
  for (const [what, why] of prepared.skipped) skip(what, why);
  for (const [what, why] of prepared.judged) report(what, why);
  const { kernels, qemu, image } = prepared;
  return planned.flatMap((boot) =>
    kernels
      .filter(({ name }) => name === boot.kernel.name)
      .map((kernel) => ({ ...boot, kernel, qemu, image })),
  );
}

/**
 * What a job says is exact is judged each time. What it estimates, from what seconds of one machine taught it, may be off by
 * more than it nearly ever is: only what two machines in a row miss has failed.
 */
async function testBoot(boot) {
  const missed = [];
  await judgeBoot(boot, (what, why) => {
    if (why) missed.push(what);
    (why ? tell : report)(why ? `${what}: ${why}` : what);
  });
  if (missed.length === 0) return;
  tell(`${boot.kernel.name}, ${boot.name}: another machine estimates that anew: ${missed.join('; ')}`);
  await judgeBoot(boot, report);
}

async function judgeBoot(
  { kernel, qemu, image, name: job, check, boot = '', parallel = false },
  reportEstimate,
) {
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
  const estimate = (what, why) => reportEstimate(`${name}: ${what}`, why);
  const ended = existsSync(status) && readFileSync(status, 'utf8').trim() === '0';
  test(`${job} runs to its end`, !ended && `${lastLines(ran.console)}\n${lastLines(saidIn(out))}`);
  if (!ended) return;
  const log = readFileSync(join(out, 'dmesg'), 'utf8');
  const complaint = /^.*(BUG:|Oops|WARNING: CPU|INFO: task|rcu: INFO).*$/m.exec(log)?.[0];
  test(`${job}: the kernel does not complain`, complaint);
  try {
    cycles += check(out, { test, estimate, tell: (text) => tell(`${name}: ${text}`), scope }) ?? 0;
  } catch (error) {
    test(`${job} brings home all results`, `${error.stack}\n${readFileSync(join(out, 'console'), 'utf8')}`);
  }
}

/** What the guest's programs said, where it got as far as that. */
function saidIn(out) {
  const path = join(out, 'console');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function lastLines(said) {
  const lines = said
    .trim()
    .split('\n')
    .filter((line) => !line.includes(" doesn't support requested feature"));
  return lines.slice(-20).join('\n');
}

function report(what, why) {
  count[why ? 'failed' : 'passed'] += 1;
  console.log(`${why ? 'FAIL' : 'ok  '} ${what}${why ? `: ${why}` : ''}`);
}

function tell(text) {
  console.log(`     ${text}`);
}

function skip(what, why) {
  count.skipped += 1;
  console.log(`skip ${what}: ${why}`);
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
