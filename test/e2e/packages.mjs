// SPDX-License-Identifier: Apache-2.0
// Prometheus and VictoriaMetrics from Debian's packages, unpacked into the cache: nothing is installed.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptFor } from '../vm/kernels.mjs';

/** Debian 12 has a VictoriaMetrics (1.79) that takes no OTLP. These run on it as well: they need glibc 2.34. */
const SUITE = 'trixie';
/** The last is the reference parser of OpenMetrics, in Python. */
const PACKAGES = ['prometheus', 'promtool', 'victoria-metrics', 'python3-prometheus-client'];

/** Paths of the programs, unpacked if they are not there yet; an Error with the reason if they cannot be had. */
export function backendPrograms(cache) {
  const directory = join(cache, 'backends');
  const program = (name) => join(directory, 'usr/bin', name);
  const python = join(directory, 'usr/lib/python3/dist-packages');
  if (![program('victoria-metrics'), program('promtool'), python].every((path) => existsSync(path))) {
    console.error(`test:e2e: fetching ${PACKAGES.join(', ')} from ${SUITE} …`);
    rmSync(directory, { recursive: true, force: true });
    aptFor(SUITE, cache).unpack(PACKAGES, directory);
    // The tools that come with it are three quarters of its package.
    for (const name of readdirSync(program(''))) if (name.startsWith('vm')) rmSync(program(name));
  }
  return {
    prometheus: program('prometheus'),
    promtool: program('promtool'),
    victoria: program('victoria-metrics'),
    python,
  };
}
