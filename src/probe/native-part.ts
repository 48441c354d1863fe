// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EnergyError } from '../model/errors.ts';
import { isShortage } from '../util/system-error.ts';

type NativeFile = 'energy.node' | 'joules-load';

/** Platforms that the native part is built for by `npm run pack:all`, as packages of npm that this one names as optional. */
const PREBUILT: readonly string[] = ['linux-x64-gnu', 'linux-arm64-gnu'];

/** What npm does not install by itself can be built; an installed package has no sources of the native part. */
export const HOW_TO_BUILD: string =
  typeof __dirname === 'string' && __dirname.includes('/node_modules/')
    ? 'run `npm run build` in a clone of the project, and install that by `npm install DIRECTORY`'
    : 'run `npm run build`';

/**
 * Path of a file of the native part: what was built in the directory of our package, else what was built for this
 * platform, in a package of its own beside ours.
 * @throws EnergyError where there is neither.
 */
export function nativeFile(name: NativeFile): string {
  const directory = ownDirectory();
  const built = join(directory, 'build/Release', name);
  if (existsSync(built)) return built;
  const platform = `linux-${process.arch}-${isGlibc() ? 'gnu' : 'musl'}`;
  try {
    const from = createRequire(join(directory, 'package.json'));
    return from.resolve(`@otel-ebpf-energy/${platform}/${name}`);
  } catch (cause) {
    throw new EnergyError('ENOADDON', absence(platform), undefined, { cause });
  }
}

function absence(platform: string): string {
  const packageName = `@otel-ebpf-energy/${platform}`;
  const why = PREBUILT.includes(platform)
    ? `it is not built here, and the package ${packageName} is not installed (with --omit=optional npm leaves it out)`
    : `there is none for ${platform} among the packages (${PREBUILT.join(', ')})`;
  return `cannot load the native part: ${why}: ${HOW_TO_BUILD}`;
}

/** Whether Node runs with glibc; with musl it does not say which libc that is. */
function isGlibc(): boolean {
  const report = process.report as (typeof process)['report'] & { excludeNetwork?: boolean };
  const before = report.excludeNetwork ?? false;
  // With the network it would ask a name server.
  report.excludeNetwork = true;
  const { header } = report.getReport() as { header?: { glibcVersionRuntime?: string } };
  report.excludeNetwork = before;
  return header?.glibcVersionRuntime !== undefined;
}

/**
 * The directory of our package, two levels up from src/probe, from dist/probe and from the bundle in dist/cli alike.
 * @throws EnergyError where a bundler has moved this code away from it.
 */
export function ownDirectory(): string {
  // Bundles that are ES modules have no __dirname.
  const directory = typeof __dirname === 'string' ? join(__dirname, '../..') : undefined;
  if (directory !== undefined && isOurs(join(directory, 'package.json'))) return directory;
  throw new EnergyError(
    'ENOADDON',
    "cannot load the native part: it is not in the bundle that this code is in; mark 'otel-ebpf-energy' as " +
      'external for the bundler (esbuild: --external:otel-ebpf-energy) and install the package beside the bundle',
  );
}

function isOurs(path: string): boolean {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown }).name === 'otel-ebpf-energy';
  } catch (error) {
    // No more files may be open: of what is in this one that says nothing.
    if (isShortage(error)) throw error;
    return false;
  }
}
