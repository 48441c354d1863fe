#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:vm [-- KERNEL…]: the meter on real kernels, with energy that is known.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { checkAccuracy } from './checks.mjs';
import { makeImage } from './image.mjs';
import { KERNELS, prepareKernel } from './kernels.mjs';
import { runMachine } from './machine.mjs';
import { findQemu, installTools } from './tools.mjs';

const here = import.meta.dirname;
const root = process.env.JOULES_ROOT ?? dirname(dirname(here));
// Not below build/, which node-gyp empties.
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/vm');

process.env.PATH += ':/usr/sbin:/sbin';
const wanted = process.argv.slice(2);
const kernels = KERNELS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const count = { passed: 0, failed: 0 };

await main();

async function main() {
  let qemu;
  try {
    mkdirSync(cache, { recursive: true });
    installTools();
    qemu = findQemu(cache);
  } catch (error) {
    skip('virtual machines cannot run here', error);
    return summary();
  }
  const ready = [];
  for (const kernel of kernels) {
    try {
      ready.push({ ...kernel, ...prepareKernel(kernel, join(cache, 'kernels'), join(here, 'module')) });
    } catch (error) {
      skip(`Linux ${kernel.name} cannot be prepared`, error);
    }
  }
  if (ready.length > 0) {
    const image = join(cache, 'image');
    makeImage({ image, root, guest: join(here, 'guest'), modules: ready.map(({ release, module }) => [release, module]) });
    for (const kernel of ready) await testKernel(kernel, qemu, image);
  }
  summary();
}

async function testKernel({ name, release, vmlinuz, scope }, qemu, image) {
  const directory = join(cache, 'runs', name);
  const style = scope ? 'scope' : 'cpumask';
  const { seconds, console: said } = await runMachine({ qemu, vmlinuz, image, out: directory, job: 'accuracy.sh', options: `scope=${scope ? 1 : 0}`, timeoutSeconds: 240 });
  tell(`Linux ${release}, PMUs with ${style}: ${seconds.toFixed(0)} s`);
  const out = join(directory, 'out');
  const test = (what, why) => report(`${name}: ${what}`, why);
  const status = join(out, 'status');
  const ended = existsSync(status) && readFileSync(status, 'utf8').trim() === '0';
  test('boots, runs all, powers off', !ended && said.trim().split('\n').slice(-20).join('\n'));
  if (!ended) return;
  try {
    checkAccuracy(out, { test, tell: (text) => tell(`${name}: ${text}`) });
  } catch (error) {
    test('brings home all results', error.stack);
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
  console.log(`${count.passed} passed, ${count.failed} failed`);
  process.exitCode = count.failed > 0 ? 1 : 0;
}
