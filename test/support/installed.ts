// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { attempt } from '../../src/util/files.ts';
import { temporaryDirectory } from './temporary.ts';

const REPOSITORY = join(__dirname, '../..');
const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'otel-ebpf-energy');

/** A directory of our own with npm packages in `node_modules`, or why there is none. */
export type Installed = { readonly directory: string } | { readonly missing: string };

/**
 * Installs packages by npm into the cache, unless they are there. Their scripts do not run. Tests of several checkouts may
 * do so at once: what is in the cache is for all of them, and none writes to it.
 */
export function installed(name: string, packages: readonly string[]): Installed {
  const directory = join(CACHE, name);
  // A directory of this name is complete.
  const missing = existsSync(directory) ? undefined : install(directory, packages);
  return missing === undefined ? { directory: linkedTo(join(directory, 'node_modules')) } : { missing };
}

/** Why that failed, if it did. */
function install(directory: string, packages: readonly string[]): string | undefined {
  const partial = `${directory}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, 'package.json'), '{"private": true}\n');
  const quiet = ['--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  const { status, stderr } = spawnSync('npm', ['install', ...quiet, ...packages], {
    cwd: partial,
    encoding: 'utf8',
    timeout: 240_000,
  });
  const isFirst = status === 0 && attempt(() => (renameSync(partial, directory), true)) === true;
  if (!isFirst) rmSync(partial, { recursive: true, force: true });
  if (existsSync(directory)) return undefined;
  const why = stderr?.trim().split('\n')[0] ?? '';
  return `npm could not install ${packages.join(' ')}${why === '' ? '' : `: ${why}`}`;
}

/** A directory in which programs find these packages, and others that are put beside them. */
function linkedTo(modules: string): string {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'package.json'), '{"private": true}\n');
  // Caches of before have this package, of some checkout.
  for (const name of readdirSync(modules).filter((one) => one !== 'otel-ebpf-energy')) {
    const isScope = name.startsWith('@');
    mkdirSync(join(directory, 'node_modules', isScope ? name : ''), { recursive: true });
    const packages = isScope ? readdirSync(join(modules, name)).map((one) => join(name, one)) : [name];
    for (const one of packages) symlinkSync(join(modules, one), join(directory, 'node_modules', one));
  }
  return directory;
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
