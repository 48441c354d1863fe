// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addThisPackage, describeWith, installed } from '../support/installed.ts';
import { describeOnKernel, TSC } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const APPLICATION = join(__dirname, '../support/application.cjs');

interface Shown {
  readonly name: string;
  readonly value: number;
}

/** What an application with the SDK in `directory` exports, collection by collection, from the first that has any. */
function exported(
  directory: string,
  part: 'periodic' | 'prometheus' | 'instrumentation' | 'file',
  node: string,
  env: NodeJS.ProcessEnv = {},
): Shown[][] {
  const output = execFileSync(node, [APPLICATION, directory, part, TSC], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], OTEL_TRACES_EXPORTER: 'none', OTEL_LOGS_EXPORTER: 'none', ...env },
    timeout: 150_000,
  });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Shown[][];
}

/** It begins at 0, then has more, and there is nothing but the application's own. */
function expectOwnEnergy(seen: readonly (readonly Shown[])[], name: string): void {
  expect([...new Set(seen.flat().map((point) => point.name))]).toEqual([name]);
  expect(seen[0]!.map(({ value }) => value)).toEqual([0]);
  expect(seen.at(-1)!.map(({ value }) => value > 0)).toEqual([true]);
}

const CONFIG = `file_format: '1.0'
meter_provider:
  readers:
    - periodic: { interval: 1000, timeout: 1000, exporter: { console: {} } }
`;

const SDKS = [
  {
    title: 'OpenTelemetry SDK 2 on this Node',
    name: 'sdk-2',
    packages: ['@opentelemetry/api@1.9', '@opentelemetry/sdk-node@0.223', '@opentelemetry/sdk-metrics@2.12'],
    prometheus: '@opentelemetry/exporter-prometheus@0.223',
    node: () => process.execPath,
  },
  {
    title: 'OpenTelemetry SDK 3 on Node 24',
    name: 'sdk-3',
    packages: ['@opentelemetry/api@1.10', '@opentelemetry/sdk-node@0.301', '@opentelemetry/sdk-metrics@3.1'],
    prometheus: '@opentelemetry/exporter-prometheus@0.301',
    node: (directory: string) => join(directory, `node_modules/node-linux-${process.arch}/bin/node`),
  },
];

for (const { title, name, packages, prometheus, node } of SDKS) {
  const runtime = name === 'sdk-3' ? [`node-linux-${process.arch}@24`] : [];
  // What this package needs besides, in the versions that it has here.
  const own = ['valibot', 'yaml'];
  const found = installed(name, [...packages, prometheus, ...own, ...runtime]);
  describeWith(
    title,
    found,
    (directory) => {
      beforeAll(() => addThisPackage(directory));

      it('has the producer in a periodic reader', () => {
        expectOwnEnergy(exported(directory, 'periodic', node(directory)), 'process.energy');
      });

      it('has the producer in the Prometheus exporter', () => {
        expectOwnEnergy(exported(directory, 'prometheus', node(directory)), 'process_energy_total');
      });

      it('has the instrumentation in NodeSDK', () => {
        expectOwnEnergy(exported(directory, 'instrumentation', node(directory)), 'process.energy');
      });

      if (name !== 'sdk-3') return;
      it('has the instrumentation where OTEL_CONFIG_FILE sets it up', () => {
        const file = join(temporaryDirectory(), 'otel.yaml');
        writeFileSync(file, CONFIG);
        const seen = exported(directory, 'file', node(directory), { OTEL_CONFIG_FILE: file });
        expectOwnEnergy(seen, 'process.energy');
      });
    },
    describeOnKernel,
  );
}
