// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import { energyInstrumentation, EnergyMetricProducer } from '../../src/index.ts';
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
  producers: EnergyMetricProducer[] = [],
): { reader: PeriodicExportingMetricReader; last: () => Point[]; all: () => Point[] } {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: 3_600_000,
    metricProducers: producers,
  });
  return {
    reader,
    last: () => pointsOf(exporter.getMetrics().slice(-1)),
    all: () => pointsOf(exporter.getMetrics()),
  };
}

describeOnKernel('the producer in an application', () => {
  it('gives a reader all energy up to now, process by process, and the sums close', async () => {
    await using load = new Load();
    const pid = load.spin();
    const energy = new EnergyMetricProducer({ source: TSC });
    const { reader, last } = appReader(AggregationTemporality.CUMULATIVE, [energy]);
    const provider = new MeterProvider({ readers: [reader] });
    for (let i = 0; i < 2; i++) {
      await sleep(300);
      await provider.forceFlush();
    }
    const points = last();
    const counted = total(points, 'hw.energy');
    expect(counted).toBeGreaterThan(0.5);
    expect((total(points, 'process.energy') + total(points, 'energy.unattributed')) / counted).toBeCloseTo(
      1,
      6,
    );
    const own = points.find((point) => point.attributes['process.pid'] === pid);
    expect(own).toMatchObject({ name: 'process.energy', attributes: { 'process.executable.name': 'dash' } });
    await energy.shutdown();
    await energy.shutdown();
    // Sums stay; nothing is measured any more.
    await provider.forceFlush();
    expect(total(last(), 'hw.energy')).toBeGreaterThanOrEqual(counted);
    await provider.shutdown();
  });

  it('resolves where nothing can be measured, and tells why once', async () => {
    const energy = new EnergyMetricProducer({ source: 'power_core', root: '/nowhere' });
    const first = await energy.collect();
    expect(first.errors).toEqual([expect.objectContaining({ name: 'EnergyError' })]);
    expect(first.resourceMetrics.scopeMetrics).toEqual([]);
    expect((await energy.collect()).errors).toEqual([]);
    await energy.shutdown();
  });

  it('waits for the meter no longer than its reader does', async () => {
    const energy = new EnergyMetricProducer({ source: TSC });
    // Opening takes longer than this.
    const { resourceMetrics, errors } = await energy.collect({ timeoutMillis: 1 });
    expect({ metrics: resourceMetrics.scopeMetrics, errors }).toEqual({ metrics: [], errors: [] });
    await energy.shutdown();
  });
});

describeOnKernel('the instrumentation of an application', () => {
  it('gives every reader all energy by executable, in whatever temporality, in few series', async () => {
    await using load = new Load();
    load.spin();
    const instrumentation = energyInstrumentation({ source: TSC });
    const cumulative = appReader(AggregationTemporality.CUMULATIVE);
    const delta = appReader(AggregationTemporality.DELTA);
    const provider = new MeterProvider({ readers: [cumulative.reader, delta.reader] });
    // As NodeSDK does: before it has started, and after.
    instrumentation.setMeterProvider(new MeterProvider());
    instrumentation.setMeterProvider(provider);
    expect(instrumentation.getConfig()).toEqual({ enabled: false });
    instrumentation.enable();
    for (let i = 0; i < 3; i++) {
      await sleep(200);
      execFileSync('sh', ['-c', 'for i in $(seq 50); do /bin/true; done']);
      await provider.forceFlush();
    }
    const points = cumulative.last();
    const counted = total(points, 'hw.energy');
    expect(counted).toBeGreaterThan(0.5);
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
    expect(points.map(({ attributes }) => attributes['process.executable.name'])).toContain('dash');
    // What one reader's collection added the other one has too, at the latest with its last.
    await provider.forceFlush();
    const [sums, differences] = [total(cumulative.last(), 'hw.energy'), total(delta.all(), 'hw.energy')];
    expect(Math.abs(sums - differences)).toBeLessThan(0.1 * sums);
    await instrumentation.shutdown();
    await provider.shutdown();
    expect(total(delta.all(), 'hw.energy')).toBeCloseTo(total(cumulative.last(), 'hw.energy'), 9);
  });

  it('measures nothing unless it is enabled', async () => {
    const instrumentation = energyInstrumentation({ source: TSC });
    const { reader, all } = appReader(AggregationTemporality.CUMULATIVE);
    const provider = new MeterProvider({ readers: [reader] });
    instrumentation.setMeterProvider(provider);
    await provider.forceFlush();
    await provider.shutdown();
    await instrumentation.shutdown();
    expect(all()).toEqual([]);
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
