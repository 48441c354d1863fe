// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { findHierarchy } = require('../../dist/host/hierarchy.js');
const { median } = require('../../dist/verify/statistics.js');

export const HERE = dirname(fileURLToPath(import.meta.url));
export const ROOT = join(HERE, '../..');
export const ROUNDS = Number(process.env['ROUNDS'] ?? 15);
/** Where the tasks' cgroups are made: the hierarchy that the meter charges. */
export const CGROUPS = findHierarchy('/proc').mount;

/** The flags that bin/joules runs node with for long. */
export const NODE_FLAGS = /flags='(.*)'/.exec(readFileSync(join(ROOT, 'bin/joules'), 'utf8'))[1].split(' ');

/** Runs a program of the Makefile, which prints JSON. */
export function measure(program, ...args) {
  const path = join(ROOT, 'build/bench', program);
  return JSON.parse(execFileSync(path, args.map(String), { encoding: 'utf8' }));
}

/** Runs a module of this directory, which prints JSON. */
export function run(module, ...args) {
  const command = [...NODE_FLAGS, join(HERE, module), ...args.map(String)];
  return JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
}

/** What `work` gives beside a crowd: [processes, cgroups, ms between wake-ups]. */
export function besideCrowd(crowd, work) {
  return besideLoad(['crowd', ...crowd, CGROUPS], work);
}

/** What `work` gives beside a program of the Makefile, which is ready when it prints something. */
export async function besideLoad([program, ...args], work) {
  const load = spawn(join(ROOT, 'build/bench', program), args.map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const over = once(load, 'exit');
  await once(load.stdout, 'data');
  try {
    return await work();
  } finally {
    load.stdin.end();
    await over;
  }
}

/** Median and, as σ, the median absolute deviation. */
export function withSpread(values, digits) {
  const middle = median(values);
  const sigma = 1.48 * median(values.map((value) => Math.abs(value - middle)));
  return `${middle.toFixed(digits)} ± ${sigma.toFixed(digits)}`;
}

/** A Markdown table. */
export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
