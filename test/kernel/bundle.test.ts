// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addThisPackage, describeWith, installed } from '../support/installed.ts';
import { describeOnKernel, TSC } from '../support/kernel.ts';

const APPLICATION = `
import { openMeter } from 'otel-ebpf-energy';
openMeter({ source: '${TSC}' })
  .then(async (meter) => {
    await meter.close();
    console.log('measured');
  })
  .catch(({ name, code, message }) => console.log(name, code, message));
`;

const found = installed('esbuild', [
  'esbuild@0.28',
  '@opentelemetry/api@1.9',
  '@opentelemetry/resources@2.12',
  '@opentelemetry/sdk-metrics@2.12',
  'valibot',
  'yaml',
]);

describeWith(
  'an application that esbuild bundles',
  found,
  (directory) => {
    beforeAll(() => addThisPackage(directory));

    /** What the bundle prints. */
    function bundled(format: 'cjs' | 'esm', ...options: string[]): string {
      const dist = join(directory, 'app/dist');
      mkdirSync(dist, { recursive: true });
      const [source, target] = [
        join(directory, 'app/main.mjs'),
        join(dist, `main.${format === 'cjs' ? 'cjs' : 'mjs'}`),
      ];
      writeFileSync(source, APPLICATION);
      const esbuild = join(directory, 'node_modules/.bin/esbuild');
      const common = ['--bundle', '--platform=node', '--log-level=error', `--format=${format}`, '--minify'];
      execFileSync(esbuild, [source, ...common, `--outfile=${target}`, ...options]);
      return execFileSync(process.execPath, [target], { encoding: 'utf8' });
    }

    it.each(['cjs', 'esm'] as const)('measures where the package is external (%s)', (format) => {
      expect(bundled(format, '--external:otel-ebpf-energy')).toBe('measured\n');
    });

    it('says otherwise that the package has to be external', () => {
      expect(bundled('cjs')).toBe(
        'EnergyError ENOADDON cannot load the native part: it is not in the bundle that this code is in; mark ' +
          "'otel-ebpf-energy' as external for the bundler (esbuild: --external:otel-ebpf-energy) and install the package " +
          'beside the bundle\n',
      );
    });

    it('says so in an ES module as well, where require() is made to work', () => {
      const banner =
        "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
      expect(bundled('esm', `--banner:js=${banner}`)).toMatch(
        /^EnergyError ENOADDON .*mark 'otel-ebpf-energy' as external/,
      );
    });
  },
  describeOnKernel,
);
