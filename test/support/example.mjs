// SPDX-License-Identifier: Apache-2.0
// examples/requests as a user has it: a copy of its folder, its packages from npm, and this one as it is built now.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '../..');
export const EXAMPLE = join(root, 'examples/requests');

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The example and, where it finds it, what npm would have installed with it. */
export function unpack(top, modules) {
  const there = join(top, 'requests');
  cpSync(EXAMPLE, there, { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
  const ours = join(there, 'node_modules/otel-ebpf-energy');
  for (const path of ['package.json', 'dist', 'build/Release/energy.node'])
    cpSync(join(root, path), join(ours, path), { recursive: true });
  symlinkSync(modules, join(top, 'node_modules'));
}

/** The packages of the example and of this one, installed into the cache unless they are there. */
export async function packages(cache) {
  const { dependencies: own } = readJson(join(root, 'package.json'));
  const { 'otel-ebpf-energy': _, ...dependencies } = readJson(join(EXAMPLE, 'package.json')).dependencies;
  const manifest = JSON.stringify({ private: true, dependencies: { ...own, ...dependencies } });
  const key = createHash('sha256').update(manifest).digest('hex').slice(0, 12);
  const directory = join(cache, `example-${key}`);
  const modules = join(directory, 'node_modules');
  if (existsSync(directory)) return modules;
  // A directory of this name is complete.
  const partial = `${directory}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, 'package.json'), manifest);
  const quiet = ['--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  const npm = spawn('npm', ['install', ...quiet], { cwd: partial, stdio: ['ignore', 'ignore', 'pipe'] });
  const [why, [status]] = await Promise.all([text(npm.stderr), once(npm, 'exit')]);
  if (status === 0 && !existsSync(directory)) renameSync(partial, directory);
  rmSync(partial, { recursive: true, force: true });
  if (status !== 0) throw new Error(`npm install: ${why.trim().split('\n')[0]}`);
  return modules;
}
