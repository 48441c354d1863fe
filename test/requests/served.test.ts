// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { addThisPackage, describeWith, installed } from '../support/installed.ts';
import { describeOnKernel, TSC } from '../support/kernel.ts';

const SERVER = join(__dirname, '../support/served.cjs');

interface Point {
  readonly name: string;
  readonly value: number & { readonly sum: number; readonly count: number };
  readonly attributes: Readonly<Record<string, string>>;
}

interface Served {
  readonly readings: readonly { readonly points: readonly Point[] }[];
  readonly told: readonly string[];
}

/** What a server tells of `count` requests, `concurrency` at once. */
async function served(
  [node, directory]: readonly [string, string],
  framework: string,
  concurrency: number,
  count: number,
  part = 'plain',
): Promise<Served> {
  const args = [SERVER, directory, framework, TSC, `${concurrency}`, `${count}`, part];
  const child = spawn(node, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(output.trim().split('\n').at(-1)!) as Served;
}

function sumOf(points: readonly Point[], name: string): number {
  const values = points.filter((point) => point.name === name).map(({ value }) => value.sum ?? value);
  return values.reduce((sum, value) => sum + value, 0);
}

function restOf({ readings }: Served, reason: string): number {
  const { points } = readings.at(-1)!;
  return points.find(({ attributes }) => attributes['energy.reason'] === reason)!.value;
}

function routeOf({ readings }: Served, route: string): { sum: number; count: number } {
  const { points } = readings.at(-1)!;
  return points.find(({ attributes }) => attributes['http.route'] === route)!.value;
}

/** Every reading closes, and no reason is ever below 0. */
function expectClosed({ readings }: Served): void {
  expect(readings.length).toBeGreaterThan(2);
  for (const { points } of readings) {
    const joules = sumOf(points, 'process.energy');
    const parts = [
      'http.server.request.energy',
      'http.server.active_request.energy',
      'process.energy.no_request',
    ];
    const whole = parts.reduce((sum, name) => sum + sumOf(points, name), 0);
    expect(Math.abs(whole - joules)).toBeLessThanOrEqual(1e-9 * joules);
    for (const { name, value } of points)
      if (name === 'process.energy.no_request') expect(value).toBeGreaterThanOrEqual(0);
  }
}

/** Handlers that use three times the CPU, the same number of requests of each. */
function expectThreeToOne(seen: Served, count: number): void {
  expectClosed(seen);
  const [light, heavy] = [routeOf(seen, '/light'), routeOf(seen, '/heavy')];
  expect([light.count, heavy.count]).toEqual([count / 2, count / 2]);
  expect(heavy.sum / light.sum).toBeGreaterThan(2.7);
  expect(heavy.sum / light.sum).toBeLessThan(3.3);
}

const SDKS = [
  {
    title: 'the energy of requests with SDK 2 on this Node',
    name: 'requests-2',
    packages: ['@opentelemetry/api@1.9', '@opentelemetry/sdk-metrics@2.12', '@opentelemetry/sdk-trace@2.12'],
    contexts: '@opentelemetry/context-async-hooks@2.12',
    http: '@opentelemetry/instrumentation-http@0.223',
    node: () => process.execPath,
  },
  {
    title: 'the energy of requests with SDK 3 on Node 24',
    name: 'requests-3',
    packages: ['@opentelemetry/api@1.10', '@opentelemetry/sdk-metrics@3.1', '@opentelemetry/sdk-trace@3.1'],
    contexts: '@opentelemetry/context-async-hooks@3.1',
    http: '@opentelemetry/instrumentation-http@0.301',
    node: (directory: string) => join(directory, `node_modules/node-linux-${process.arch}/bin/node`),
  },
];

for (const { title, name, packages, contexts, http, node } of SDKS) {
  const runtime = name === 'requests-3' ? [`node-linux-${process.arch}@24`] : [];
  const frameworks = ['express@5', 'fastify@5', http, '@opentelemetry/instrumentation-express'];
  const own = ['@opentelemetry/otlp-transformer', 'valibot', 'yaml'];
  const found = installed(name, [...packages, contexts, ...frameworks, ...own, ...runtime]);
  describeWith(
    title,
    found,
    (directory) => {
      const on = [node(directory), directory] as const;
      beforeAll(() => addThisPackage(directory));

      it.each([1, 50, 200])('is by their CPU at concurrency %d', async (concurrency) => {
        expectThreeToOne(await served(on, 'http', concurrency, 400), 400);
      });

      it('is by their CPU while another program wants the CPUs', async () => {
        const others = [0, 1].map(() => spawn(process.execPath, ['-e', 'for (;;);']));
        const seen = await served(on, 'http', 50, 400).finally(() => others.forEach((one) => one.kill()));
        expectThreeToOne(seen, 400);
      });

      it.each(['express', 'fastify'])('is by route with %s', async (framework) => {
        expectThreeToOne(await served(on, framework, 20, 400), 400);
      });

      it('is not what the pool does', async () => {
        const seen = await served(on, 'http', 10, 100, 'pool');
        expectClosed(seen);
        expect(restOf(seen, 'pool')).toBeGreaterThan(routeOf(seen, '/pool').sum);
      });

      it('is the requests of worker threads, too', async () => {
        const seen = await served(on, 'http', 5, 100, 'worker');
        expectClosed(seen);
        expect(routeOf(seen, '/in-worker').count).toBe(200);
      });

      it.each(['unended', 'queue', 'block'])('closes with %s', async (part) => {
        expectClosed(await served(on, 'http', 5, part === 'block' ? 4 : 100, part));
      });

      it('is told once where two SDKs ask for it', async () => {
        const seen = await served(on, 'http', 20, 400, 'twice');
        expectThreeToOne(seen, 400);
        expect(seen.told.join()).toContain('in use in this thread already');
      });
    },
    describeOnKernel,
  );
}
