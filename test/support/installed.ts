// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const REPOSITORY = join(__dirname, '../..');
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'otel-ebpf-energy');

/** A directory with npm packages in `node_modules`, or why there is none. */
export type Installed = { readonly directory: string } | { readonly missing: string };

/** Installs packages by npm into the cache, unless they are there. Their scripts do not run. */
export function installed(name: string, packages: readonly string[]): Installed {
  const directory = join(CACHE, name);
  if (existsSync(directory)) return { directory };
  // A directory of this name is complete.
  const partial = `${directory}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, 'package.json'), '{"private": true}\n');
  const quiet = ['--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  const { status, stderr } = spawnSync('npm', ['install', ...quiet, ...packages], {
    cwd: partial,
    encoding: 'utf8',
    timeout: 240_000,
  });
  if (status === 0) {
    renameSync(partial, directory);
    return { directory };
  }
  rmSync(partial, { recursive: true, force: true });
  const why = stderr?.trim().split('\n')[0] ?? '';
  return { missing: `npm could not install ${packages.join(' ')}${why === '' ? '' : `: ${why}`}` };
}

/** Puts this package, as it is built now, where programs in `directory` find it and it finds their packages. */
export function addThisPackage(directory: string): void {
  const target = join(directory, 'node_modules/otel-ebpf-energy');
  rmSync(target, { recursive: true, force: true });
  for (const path of ['package.json', 'dist', 'build/Release/energy.node'])
    cpSync(join(REPOSITORY, path), join(target, path), { recursive: true });
}

/** `describe` with packages that have to be installed; without them the tests are skipped and say why. */
export function describeWith(
  title: string,
  found: Installed,
  body: (directory: string) => void,
  describeThat: jest.Describe = describe,
): void {
  if ('missing' in found) describe.skip(`${title} (skipped: ${found.missing})`, () => body(''));
  else describeThat(title, () => body(found.directory));
}
