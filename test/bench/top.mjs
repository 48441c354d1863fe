// SPDX-License-Identifier: Apache-2.0
// What the full screen of `joules top` costs: from a snapshot to what is written to the terminal, all views.
import { createRequire } from 'node:module';
import { crowd } from '../web/stage.mjs';
import { table } from './tools.mjs';

const require = createRequire(import.meta.url);
const { SceneMaker } = require('../../dist/cli/screen/scene.js');
const { Order } = require('../../dist/cli/screen/entries.js');
const { draw } = require('../../dist/cli/screen/frame.js');
const { UNICODE } = require('../../dist/cli/screen/look.js');
const { Painter } = require('../../dist/cli/screen/paint.js');
const { START } = require('../../dist/cli/screen/state.js');

const FRAMES = 60;
const MACHINES = [
  { live: 100, cgroups: 12, cores: 8 },
  { live: 2000, cgroups: 150, cores: 64 },
];
const VIEWS = ['process', 'cgroup', 'container'];
const SIZE = { width: 160, height: 50 };

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const HEAD = ['processes', ...VIEWS.map((view) => `by ${view}, ms`), 'written, kB'];

export default function topCosts() {
  return `# Cost of the full screen

CPU time of a frame of \`joules top\` at ${SIZE.width}x${SIZE.height}, once a second, from the snapshot on (measuring is not in it), and what it
writes to the terminal (by process).

${table(HEAD, MACHINES.map(row))}`;
}

function row(machine) {
  const costs = VIEWS.map((view) => costOf(machine, view));
  return [machine.live, ...costs.map(({ ms }) => ms.toFixed(1)), costs[0].kB.toFixed(1)];
}

/** Median of the CPU time and the bytes of a frame, once the last minute is full. */
function costOf(machine, view) {
  const maker = new SceneMaker(5000);
  const order = new Order();
  const painter = new Painter(8);
  const state = { ...START, view };
  const costs = [];
  const bytes = [];
  for (let i = 0; i < 2 * FRAMES; i++) {
    const snapshot = crowd({ ...machine, time: 1_800_000_000_000 + i * 1000 });
    const { user, system } = process.cpuUsage();
    maker.add(snapshot);
    const scene = maker.scene();
    const text = painter.paint(draw({ scene, entries: order.entries(scene, state), state }, SIZE, UNICODE));
    const after = process.cpuUsage();
    if (i < FRAMES) continue;
    costs.push((after.user + after.system - user - system) / 1000);
    bytes.push(Buffer.byteLength(text));
  }
  return { ms: median(costs), kB: median(bytes) / 1000 };
}
