// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { metrics as globalMetrics } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import {
  energyInstrumentation,
  type EnergyInstrumentation,
  EnergyMetricProducer,
  type RecorderOptions,
} from '../../src/index.ts';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { heldIds } from '../support/held.ts';
import { describeOnKernel, Load, TSC } from '../support/kernel.ts';

interface Point {
  readonly name: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

function pointsOf(exported: readonly ResourceMetrics[]): Point[] {
  const metrics = exported.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  return metrics.flatMap((metric) =>
    (metric as SumMetricData).dataPoints.map(({ value, attributes }) => ({
      name: metric.descriptor.name,
      value,
      attributes,
    })),
  );
}

const total = (points: readonly Point[], name: string): number =>
  points.reduce((sum, point) => (point.name === name ? sum + point.value : sum), 0);

/** A reader of an application, with what it has exported. */
function appReader(
  temporality: AggregationTemporality,
  producers: readonly EnergyMetricProducer[] = [],
): { reader: PeriodicExportingMetricReader; last: () => Point[]; all: () => Point[] } {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: 3_600_000,
    metricProducers: [...producers],
  });
  return {
    reader,
    last: () => pointsOf(exporter.getMetrics().slice(-1)),
    all: () => pointsOf(exporter.getMetrics()),
  };
}

/** Executables of the points of a metric. */
const executables = (points: readonly Point[], name: string): unknown[] =>
  points
    .filter((point) => point.name === name)
    .map(({ attributes }) => attributes['process.executable.name']);

/** Uses CPU time in this very process. */
function work(ms: number): void {
  // CPU time: on a machine that others use as well, a span of time may hold little of it.
  const used = (): number => process.cpuUsage().user + process.cpuUsage().system;
  for (const end = used() + ms * 1000; used() < end;);
}

/** What a test has made, which is shut down when it is over, however it ends. */
const made: { shutdown(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((one) => one.shutdown()));
});

function makeProducer(options: RecorderOptions): EnergyMetricProducer {
  const energy = new EnergyMetricProducer(options);
  made.push(energy);
  return energy;
}

function makeInstrumentation(options: RecorderOptions): EnergyInstrumentation {
  const instrumentation = energyInstrumentation(options);
  made.push(instrumentation);
  return instrumentation;
}

/** Has all readers export, again and again, until what they have exported is enough. */
async function flushUntil(provider: MeterProvider, isEnough: () => boolean): Promise<void> {
  for (const end = performance.now() + 120_000; !isEnough();) {
    if (performance.now() > end) throw new Error('gave up waiting for metrics');
    work(50);
    // With nothing to wait for a flush is over before timers and ticks have their turn.
    await setImmediate();
    await provider.forceFlush();
  }
}

/** Of the CPUs' clock, which source TSC counts. */
function gigahertz(): number {
  return Number(/^cpu MHz\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))![1]) / 1000;
}

describeOnKernel('the producer in an application', () => {
  it("exports the application's own energy alone, as one series that begins at 0", async () => {
    await using load = new Load();
    load.spin();
    const energy = makeProducer({ source: TSC });
    const { reader, last } = appReader(AggregationTemporality.CUMULATIVE, [energy]);
    const provider = new MeterProvider({ readers: [reader] });
    await flushUntil(provider, () => last().length > 0);
    expect(last()[0]!.value).toBe(0);
    const ran = process.cpuUsage();
    const sums: number[] = [];
    for (let i = 0; i < 3; i++) {
      work(200);
      // Readings are a second apart, whoever asks.
      await sleep(1100);
      await provider.forceFlush();
      expect(last().map(({ name }) => name)).toEqual(['process.energy']);
      sums.push(last()[0]!.value);
    }
    const { user, system } = process.cpuUsage(ran);
    expect(last()[0]!.attributes).toEqual({
      'process.executable.name': 'node',
      'hw.type': 'cpu',
      'energy.source.kind': 'measured',
    });
    expect(sums).toEqual(sums.toSorted((a, b) => a - b));
    // A second of CPU time is worth the clock's GHz in Joules, whoever runs: what others used is not in it.
    const used = (sums[2]! - sums[0]!) / gigahertz();
    expect(used).toBeGreaterThan(0.1);
    expect(used).toBeLessThan(1.2 * (user + system) * 1e-6 + 0.1);
    await energy.shutdown();
    await energy.shutdown();
    // Sums stay; nothing is measured any more.
    await provider.forceFlush();
    expect(last()[0]!.value).toBeGreaterThanOrEqual(sums[2]!);
    await provider.shutdown();
  });

  it('gives a reader all energy of the machine where that is asked for, and the sums close', async () => {
    await using load = new Load();
    load.spin();
    // Without series of processes none ends meanwhile, and raw sums close, too.
    const energy = makeProducer({ source: TSC, scope: 'machine', limits: { processes: 0 } });
    const { reader, last } = appReader(AggregationTemporality.CUMULATIVE, [energy]);
    const provider = new MeterProvider({ readers: [reader] });
    await flushUntil(provider, () => total(last(), 'hw.energy') > 0.5);
    const points = last();
    const counted = total(points, 'hw.energy');
    expect((total(points, 'process.energy') + total(points, 'energy.unattributed')) / counted).toBeCloseTo(
      1,
      6,
    );
    expect(executables(points, 'process.energy')).toEqual(expect.arrayContaining(['dash', 'node']));
    await energy.shutdown();
    await provider.shutdown();
  });

  it('resolves where nothing can be measured, and tells why once', async () => {
    const energy = makeProducer({ source: 'power_core', root: '/nowhere' });
    const first = await energy.collect();
    expect(first.errors).toEqual([expect.objectContaining({ name: 'EnergyError' })]);
    expect(first.resourceMetrics.scopeMetrics).toEqual([]);
    expect((await energy.collect()).errors).toEqual([]);
    await energy.shutdown();
  });

  it('waits for the meter no longer than its reader does, and may be closed while it is opened', async () => {
    const energy = makeProducer({ source: TSC });
    // Opening takes longer than this.
    const { resourceMetrics, errors } = await energy.collect({ timeoutMillis: 1 });
    expect({ metrics: resourceMetrics.scopeMetrics, errors }).toEqual({ metrics: [], errors: [] });
    await Promise.all([energy.shutdown(), energy.shutdown(), energy.collect()]);
    expect(heldIds('link')).toEqual([]);
  });
});

describeOnKernel('the instrumentation of an application', () => {
  it('gives every reader the energy of the application, in whatever temporality', async () => {
    const instrumentation = makeInstrumentation({ source: TSC });
    const cumulative = appReader(AggregationTemporality.CUMULATIVE);
    const delta = appReader(AggregationTemporality.DELTA);
    const provider = new MeterProvider({ readers: [cumulative.reader, delta.reader] });
    instrumentation.setMeterProvider(provider);
    instrumentation.enable();
    await flushUntil(provider, () => total(cumulative.last(), 'process.energy') > 0.1);
    const points = cumulative.last();
    expect(points.map(({ name }) => name)).toEqual(['process.energy']);
    expect(points[0]!.attributes).toEqual({
      'process.executable.name': 'node',
      'hw.type': 'cpu',
      'energy.source.kind': 'measured',
    });
    await instrumentation.shutdown();
    await provider.shutdown();
    expect(total(delta.all(), 'process.energy')).toBeCloseTo(total(cumulative.last(), 'process.energy'), 9);
  });

  it('gives all energy of the machine by executable where that is asked for, in few series', async () => {
    await using load = new Load();
    load.spin();
    const instrumentation = makeInstrumentation({ source: TSC, scope: 'machine' });
    const { reader, last } = appReader(AggregationTemporality.CUMULATIVE);
    const provider = new MeterProvider({ readers: [reader] });
    // As NodeSDK does: before it has started, and after.
    instrumentation.setMeterProvider(new MeterProvider());
    instrumentation.setMeterProvider(provider);
    expect(instrumentation.getConfig()).toEqual({ enabled: false });
    instrumentation.enable();
    await flushUntil(provider, () => {
      execFileSync('sh', ['-c', 'for i in $(seq 50); do /bin/true; done']);
      return total(last(), 'hw.energy') > 0.5;
    });
    const points = last();
    const counted = total(points, 'hw.energy');
    expect((total(points, 'process.energy') + total(points, 'energy.unattributed')) / counted).toBeCloseTo(
      1,
      6,
    );
    const keys = new Set(points.flatMap(({ attributes }) => Object.keys(attributes)));
    expect([...keys].toSorted()).toEqual([
      'energy.reason',
      'energy.source.kind',
      'hw.id',
      'hw.type',
      'process.executable.name',
    ]);
    expect(executables(points, 'process.energy')).toContain('dash');
    await instrumentation.shutdown();
    await provider.shutdown();
  });

  it('goes on in another provider, of which it is told while a collection is under way', async () => {
    const instrumentation = makeInstrumentation({ source: TSC });
    const [first, second] = [
      appReader(AggregationTemporality.CUMULATIVE),
      appReader(AggregationTemporality.CUMULATIVE),
    ];
    const former = new MeterProvider({ readers: [first.reader] });
    const latter = new MeterProvider({ readers: [second.reader] });
    instrumentation.setMeterProvider(former);
    instrumentation.enable();
    await flushUntil(former, () => total(first.last(), 'process.energy') > 0);
    const flushed = former.forceFlush();
    instrumentation.setMeterProvider(latter);
    await flushed;
    const shown = total(first.last(), 'process.energy');
    await flushUntil(latter, () => total(second.last(), 'process.energy') > 0.1);
    await former.forceFlush();
    expect(total(first.last(), 'process.energy')).toBe(shown);
    await instrumentation.shutdown();
    await Promise.all([former.shutdown(), latter.shutdown()]);
  });

  it('finds the global provider that is registered just after it was given one that does nothing', async () => {
    const instrumentation = makeInstrumentation({ source: TSC });
    const { reader, last } = appReader(AggregationTemporality.CUMULATIVE);
    const provider = new MeterProvider({ readers: [reader] });
    instrumentation.setMeterProvider(globalMetrics.getMeterProvider());
    instrumentation.enable();
    globalMetrics.setGlobalMeterProvider(provider);
    await flushUntil(provider, () => total(last(), 'process.energy') > 0);
    expect(last().map(({ name }) => name)).toEqual(['process.energy']);
    await instrumentation.shutdown();
    await provider.shutdown();
    globalMetrics.disable();
  });

  it('measures nothing unless it is enabled', async () => {
    const instrumentation = makeInstrumentation({ source: TSC });
    const { reader, all } = appReader(AggregationTemporality.CUMULATIVE);
    const provider = new MeterProvider({ readers: [reader] });
    instrumentation.setMeterProvider(provider);
    await provider.forceFlush();
    await provider.shutdown();
    await instrumentation.shutdown();
    expect(all()).toEqual([]);
  });
});

/** A metric's name and points. */
type Metric = readonly [string, Point, ...Point[]];

/** Runs a script that has the package as `energy`, as a user without any privilege. */
function withoutPrivilege(script: string): { status: number | null; stdout: string; stderr: string } {
  const program = `const energy = require(${JSON.stringify(join(__dirname, '../..'))});\n${script}`;
  const drop = ['--bounding-set', '-all', '--inh-caps', '-all'];
  return spawnSync('setpriv', [...drop, process.execPath, '-e', program], { encoding: 'utf8' });
}

describeOnKernel('an application without privilege', () => {
  it('goes on without energy, which is said once, with a code and what to do', () => {
    const { status, stdout, stderr } = withoutPrivilege(`
      const told = [];
      process.on('warning', ({ name, code, message, detail }) => told.push({ name, code, message, detail }));
      const producers = [1, 2].map(() => new energy.EnergyMetricProducer({ source: ${JSON.stringify(TSC)}, socketDirectory: '/nonexistent' }));
      Promise.all(producers.map((one) => one.collect())).then(async (collected) => {
        const errors = collected.flatMap((one) => one.errors).map(({ code }) => code);
        const metrics = collected.flatMap((one) => one.resourceMetrics.scopeMetrics);
        await Promise.all(producers.map((one) => one.shutdown()));
        console.log(JSON.stringify({ told, errors, metrics }));
      });`);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      told: [
        {
          name: 'EnergyWarning',
          code: 'EPERM',
          message: expect.stringMatching(/^energy is not measured: .*root, or with CAP_BPF and CAP_PERFMON/),
          detail:
            'The application goes on, without energy metrics until it is started again, or an agent tells them.',
        },
      ],
      errors: ['EPERM', 'EPERM'],
      metrics: [],
    });
    expect(stderr.match(/EnergyWarning/g)).toHaveLength(1);
  });
});

describeOnKernel('an application in a container', () => {
  const id = 'ab'.repeat(32);
  const cgroup = join(findHierarchy('/proc', '/').mount ?? '/sys/fs/cgroup', `docker-${id}.scope`);

  afterEach(async () => {
    for (let i = 0; existsSync(cgroup); i++) {
      try {
        rmdirSync(cgroup);
      } catch (error) {
        // Those that were killed last are still leaving.
        if (i === 100) throw error;
        await sleep(50);
      }
    }
  });

  it('exports itself and all of its container, also from a pid namespace of its own', async () => {
    const script = `
      const { EnergyMetricProducer } = require(${JSON.stringify(join(__dirname, '../..'))});
      process.title = 'something-else';
      const energy = new EnergyMetricProducer({ source: ${JSON.stringify(TSC)} });
      (async () => {
        for (let shown = []; ; ) {
          for (const end = performance.now() + 50; performance.now() < end;);
          const { resourceMetrics } = await energy.collect();
          shown = resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
            .map(({ descriptor, dataPoints }) => [descriptor.name, ...dataPoints]);
          if (shown.length === 0 || shown[0][1].value < 0.1) continue;
          console.log(JSON.stringify(shown));
          return energy.shutdown();
        }
      })();`;
    mkdirSync(cgroup);
    await using load = new Load();
    const neighbour = load.spin();
    writeFileSync(join(cgroup, 'cgroup.procs'), `${neighbour}`);
    const enter = `echo $$ > ${cgroup}/cgroup.procs && exec unshare --pid --fork "$@"`;
    const output = execFileSync('sh', ['-c', enter, 'sh', process.execPath, '-e', script], {
      encoding: 'utf8',
    });
    const [[first, own, ...more], [second, all]] = JSON.parse(output) as [Metric, Metric];
    expect([first, second, more]).toEqual(['process.energy', 'container.energy', []]);
    expect(own.attributes).toMatchObject({ 'process.executable.name': 'node', 'container.id': id });
    expect(Object.keys(own.attributes)).not.toContain('process.pid');
    expect(all.attributes).toMatchObject({ 'container.id': id, 'container.runtime.name': 'docker' });
    expect(all.value).toBeGreaterThan(own.value);
  });
});

describe('importing the package', () => {
  it('opens nothing and leaves the process free to end', () => {
    const script = `
      const before = require('node:fs').readdirSync('/proc/self/fd').length;
      require(${JSON.stringify(join(__dirname, '../..'))});
      const { fs, report } = { fs: require('node:fs'), report: process.report.getReport() };
      const native = report.sharedObjects.filter((path) => path.endsWith('energy.node'));
      console.log(JSON.stringify({ opened: fs.readdirSync('/proc/self/fd').length - before, native }));`;
    const output = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 120_000 });
    expect(JSON.parse(output)).toEqual({ opened: 0, native: [] });
  });

  it('lets an application end that measures and does not say so', () => {
    const script = `
      const { EnergyMetricProducer } = require(${JSON.stringify(join(__dirname, '../..'))});
      const energy = new EnergyMetricProducer({ source: ${JSON.stringify(TSC)} });
      energy.collect().then(({ resourceMetrics }) => console.log(resourceMetrics.scopeMetrics.length));`;
    const output = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 120_000 });
    expect(output).toBe('1\n');
  });
});
