// SPDX-License-Identifier: Apache-2.0
// What runs while the metrics are judged: programs of 30, 3 and 0.2 s, 100 processes a second, containers that come
// and go, and an application that answers requests.
import { existsSync, linkSync, mkdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from '../vm/shell.mjs';
import { start, stop } from './processes.mjs';

/** Processes of 1 ms that end every second, and how many names they have. */
const CROWD_RATE = 100;
const CROWD_NAMES = 12;
const BRIEF = 30;
/** A container begins so often; each uses a fifth of a CPU. */
const CONTAINER_SECONDS = 5;

const here = import.meta.dirname;

/** Ids of the containers that there are or will be: others may run some beside. */
const containers = new Set();

/** A 64-digit id that tells one container of this run from another. */
function idOf(name) {
  const id = createHash('sha256').update(`${process.pid} ${name}`).digest('hex');
  containers.add(id);
  return id;
}

function uidOf(name) {
  const hex = createHash('md5').update(`${process.pid} ${name}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Compiles the program and gives it every name: (name) => path. */
export function makePrograms(directory) {
  mkdirSync(directory, { recursive: true });
  const built = join(directory, 'e2e-crowd');
  must('gcc', ['-O1', '-Wall', '-Werror', '-static', '-o', built, join(here, 'program.c')]);
  return (name) => {
    const path = join(directory, name);
    if (!existsSync(path)) linkSync(built, path);
    return path;
  };
}

/** All that happens within `seconds`: [[second, what]], where what() resolves when it is over. */
export function plan({ seconds, program, cgroups, kubelet, shopPort, example }) {
  const run = (name, args) => () => start(program(name), args.map(String)).over;
  const spread = (count, from, to) =>
    Array.from({ length: count }, (_, i) => from + (i * (to - from)) / count);
  const long = Math.min(30, seconds / 4);
  const late = seconds - 5;
  const context = { program, cgroups, kubelet };
  const begins = spread(Math.floor((late - 20) / CONTAINER_SECONDS), 3, late - 17);
  return [
    ...spread(Math.max(2, Math.floor(seconds / 60)), 0.04 * seconds, late).map((at, i) => [
      at,
      run(`e2e-thirty-${i}`, [long, 0.5]),
    ]),
    ...spread(10, 4, late - 3).map((at, i) => [at, run(`e2e-three-${i}`, [3])]),
    ...spread(BRIEF, 5, late).map((at, i) => [at, run(`e2e-brief-${i}`, [0.2])]),
    ...begins.map((at, i) => [at, () => runContainer(context, containerOf(i), 5 + ((i * 7) % 12), i)]),
    // The same container, gone and back under its id.
    ...[0.1, 0.4, 0.65].map((part) => [
      part * late,
      () => runContainer(context, dockerContainer('again'), 0.12 * seconds, 0),
    ]),
    [4, () => runSystemd(context, dockerContainer('systemd'), 0.7 * seconds)],
    [2, () => runShop(context, shopPort, late)],
    [3, () => runCrowd(program, late)],
    ...(example ? [[4, () => runExample(context, example, late - 4)]] : []),
  ];
}

/** The executables and containers that are judged. */
export const isOurContainer = (id) => containers.has(id);
export const isOurProgram = (name) => /^e2e-(thirty|three|brief|work|job)-/.test(name);

function containerOf(i) {
  return i % 3 === 2 ? dockerContainer(`${i}`) : pod(['batch', 'web'][i % 3], `${i}`);
}

function dockerContainer(name) {
  const id = idOf(name);
  return { id, path: `system.slice/docker-${id}.scope` };
}

function pod(namespace, name) {
  const [id, uid] = [idOf(name), uidOf(name)];
  const slice = `kubepods-burstable-pod${uid.replaceAll('-', '_')}.slice`;
  const path = `kubepods.slice/kubepods-burstable.slice/${slice}/cri-containerd-${id}.scope`;
  return { id, uid, path, namespace, pod: `${namespace}-${name}`, container: namespace };
}

async function runContainer({ program, cgroups, kubelet }, container, seconds, i) {
  const { path, namespace } = container;
  cgroups.make(path);
  if (namespace) kubelet.add(container);
  await cgroups.start(path, program(`e2e-work-${i % 4}`), [`${seconds}`, '0.2']).over;
  await cgroups.remove(path);
  kubelet.remove(container.id);
}

/** A container with systemd in it: it has several cgroups, of which one ends long before it. */
async function runSystemd({ program, cgroups }, { path }, seconds) {
  const [init, service] = [join(path, 'init.scope'), join(path, 'system.slice/a.service')];
  cgroups.make(init);
  cgroups.make(service);
  const all = cgroups.start(init, program('e2e-work-2'), [`${seconds}`, '0.1']).over;
  await cgroups.start(service, program('e2e-work-3'), [`${seconds / 5}`, '0.2']).over;
  await cgroups.remove(service);
  await all;
  await cgroups.remove(init);
}

async function runShop({ cgroups, kubelet }, port, until) {
  const shop = pod('shop', 'shop');
  cgroups.make(shop.path);
  kubelet.add(shop);
  const server = cgroups.start(shop.path, process.execPath, [join(here, 'shop.mjs'), `${port}`]);
  for (const end = performance.now() + (until - 2) * 1000; performance.now() < end; await sleep(100)) {
    await fetch(`http://127.0.0.1:${port}/`).catch(() => {});
  }
  // It goes on to serve its counter until all is over.
  return { stop: () => stop(server).then(() => cgroups.remove(shop.path)) };
}

/** The example serves from a container of its own. */
async function runExample({ cgroups }, example, seconds) {
  const { path } = dockerContainer('example');
  cgroups.make(path);
  await example.serve((...what) => cgroups.start(path, ...what), seconds);
  await cgroups.remove(path);
}

async function runCrowd(program, until) {
  const names = Array.from({ length: CROWD_NAMES }, (_, i) => program(`e2e-job-${i}`));
  const crowd = start(program('e2e-crowd'), ['crowd', `${CROWD_RATE}`, ...names]);
  await sleep((until - 3) * 1000);
  await stop(crowd);
}
