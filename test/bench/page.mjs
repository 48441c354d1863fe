// SPDX-License-Identifier: Apache-2.0
// What the page costs: the agent for a frame, with and without somebody who looks; a browser that looks; and how soon
// it has something to show, how smoothly it scrolls.
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { browser, crowd, stage } from '../web/stage.mjs';
import { table } from './tools.mjs';

const FRAMES = 60;
const LOOK_MS = 15_000;
const MACHINES = [
  { live: 100, cgroups: 12, cores: 8 },
  { live: 2000, cgroups: 150, cores: 64 },
];
const TICKS = 100;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const quantile = (values, part) => values.toSorted((a, b) => a - b)[Math.floor(values.length * part)];

const HEAD = [
  'processes',
  'agent, nobody looks, ms',
  'agent, one page, ms',
  'a frame, kB',
  'browser, % of a CPU',
  'first rows, ms',
  'scrolling, p95, ms',
];

export default async function pageCosts() {
  const rows = [];
  for (const machine of MACHINES) rows.push(await row(machine));
  return `# Cost of the page

CPU time of the agent for a frame, once a second, while nobody looks (it keeps the history) and with a page that is open;
all processes of a browser that shows it, without a GPU; time from the address to the first rows; and from one picture to
the next while the table scrolls.

${table(HEAD, rows)}`;
}

async function row(machine) {
  let time = Date.now() - 900_000;
  const next = () => crowd({ ...machine, time: (time += 1000) });
  const staged = await stage(Array.from({ length: 880 }, next), { kind: 'measured' });
  const alone = await costOf(staged, Array.from({ length: FRAMES }, next));
  const reader = await read(`${staged.origin}/events`);
  const before = reader.bytes();
  const looked = await costOf(staged, Array.from({ length: FRAMES }, next));
  await sleep(200);
  const frame = (reader.bytes() - before) / FRAMES / 1000;
  reader.stop();
  const seen = await look(staged, next);
  await staged.close();
  const figures = [seen.cpu.toFixed(1), seen.rows.toFixed(0), seen.scroll.toFixed(1)];
  return [machine.live, alone.toFixed(2), looked.toFixed(2), frame.toFixed(0), ...figures];
}

/** CPU time of this process for a snapshot, ms. */
async function costOf(staged, snapshots) {
  const costs = [];
  for (const snapshot of snapshots) {
    await sleep(5);
    const { user, system } = process.cpuUsage();
    staged.add(snapshot);
    const after = process.cpuUsage();
    costs.push((after.user + after.system - user - system) / 1000);
  }
  return median(costs);
}

async function read(url) {
  const aborter = new AbortController();
  const response = await fetch(url, { signal: aborter.signal });
  let bytes = 0;
  const done = (async () => {
    for await (const chunk of response.body) bytes += chunk.length;
  })().catch(() => {});
  await sleep(1000);
  return { bytes: () => bytes, stop: () => aborter.abort(), done };
}

async function look(staged, next) {
  const { context, profile, close } = await browser();
  const page = await context.newPage();
  await page.setViewportSize({ width: 1440, height: 1000 });
  const start = performance.now();
  await page.goto(staged.origin);
  await page.waitForSelector('.row:visible .watts b');
  const rows = performance.now() - start;
  const feeding = setInterval(() => staged.add(next()), 1000);
  await sleep(3000);
  const before = cpuOf(profile);
  await sleep(LOOK_MS);
  const cpu = ((cpuOf(profile) - before) / (LOOK_MS / 1000)) * 100;
  const gaps = await page.evaluate(async () => {
    const grid = document.querySelector('#grid');
    const found = [];
    let last = performance.now();
    for (let i = 0; i < 240; i++) {
      grid.scrollTop += 60;
      await new Promise((resolve) => {
        requestAnimationFrame(resolve);
      });
      const now = performance.now();
      found.push(now - last);
      last = now;
    }
    return found;
  });
  clearInterval(feeding);
  await close();
  return { rows, cpu, scroll: quantile(gaps, 0.95) };
}

/** CPU seconds of all processes of the browser with this profile. */
function cpuOf(profile) {
  const stats = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
      const own = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(profile);
      stats.set(pid, { parent: fields[1], seconds: (Number(fields[11]) + Number(fields[12])) / TICKS, own });
    } catch {
      // It has ended.
    }
  }
  const isIts = (pid) => {
    const one = stats.get(pid);
    return one !== undefined && (one.own || isIts(one.parent));
  };
  return [...stats].filter(([pid]) => isIts(pid)).reduce((sum, [, { seconds }]) => sum + seconds, 0);
}
