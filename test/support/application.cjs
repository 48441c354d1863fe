// SPDX-License-Identifier: Apache-2.0
// An application with an OpenTelemetry SDK, that of the directory given. Prints what it exports as one line of JSON.
const { createServer } = require('node:http');
const { createRequire } = require('node:module');
const { setTimeout: sleep } = require('node:timers/promises');

const [, , directory, part, source] = process.argv;
const load = createRequire(`${directory}/package.json`);
const { EnergyMetricProducer, energyInstrumentation } = load('otel-ebpf-energy');
const { InMemoryMetricExporter, PeriodicExportingMetricReader } = load('@opentelemetry/sdk-metrics');

function work(ms) {
  const used = () => process.cpuUsage().user + process.cpuUsage().system;
  for (const end = used() + ms * 1000; used() < end;);
}

/** Names and points of what was exported last. */
function shown(exporter) {
  const metrics =
    exporter
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
  return metrics.flatMap(({ descriptor: { name }, dataPoints }) =>
    dataPoints.map(({ value, attributes }) => ({ name, value, attributes })),
  );
}

/** Collects until something is above 0. */
async function until(collect) {
  const shownAll = [];
  for (let i = 0; i < 100; i++) {
    work(50);
    const now = await collect();
    if (now.length > 0) shownAll.push(now);
    if (now.some(({ value }) => value > 0)) break;
    await sleep(50);
  }
  return shownAll;
}

const parts = {
  /** The producer in a periodic reader of NodeSDK. */
  async periodic() {
    const { NodeSDK } = load('@opentelemetry/sdk-node');
    const energy = new EnergyMetricProducer({ source });
    const exporter = new InMemoryMetricExporter(1);
    const reader = new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis: 3_600_000,
      metricProducers: [energy],
    });
    const sdk = new NodeSDK({ metricReaders: [reader], traceExporter: undefined });
    sdk.start();
    const seen = await until(async () => {
      await reader.forceFlush();
      return shown(exporter);
    });
    await sdk.shutdown();
    await energy.shutdown();
    return seen;
  },

  /** The producer in the Prometheus exporter, scraped. */
  async prometheus() {
    const { PrometheusExporter } = load('@opentelemetry/exporter-prometheus');
    const { MeterProvider } = load('@opentelemetry/sdk-metrics');
    const energy = new EnergyMetricProducer({ source });
    const exporter = new PrometheusExporter({ preventServerStart: true, metricProducers: [energy] });
    const provider = new MeterProvider({ readers: [exporter] });
    const server = createServer((request, response) => exporter.getMetricsRequestHandler(request, response));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const seen = await until(async () => {
      const page = await (await fetch(`http://127.0.0.1:${server.address().port}/metrics`)).text();
      const samples = page.matchAll(/^(\w+)\{(.*)\} (\S+)$/gm);
      return [...samples]
        .map(([, name, labels, value]) => ({ name, labels, value: Number(value) }))
        .filter(({ name }) => name !== 'target_info');
    });
    server.close();
    server.closeAllConnections();
    await energy.shutdown();
    await provider.shutdown();
    return seen;
  },

  /** The instrumentation, given to NodeSDK. */
  async instrumentation() {
    const { NodeSDK } = load('@opentelemetry/sdk-node');
    const exporter = new InMemoryMetricExporter(1);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const instrumentation = energyInstrumentation({ source });
    const sdk = new NodeSDK({ metricReaders: [reader], instrumentations: [instrumentation] });
    sdk.start();
    const seen = await until(async () => {
      await reader.forceFlush();
      return shown(exporter);
    });
    await sdk.shutdown();
    await instrumentation.shutdown();
    return seen;
  },

  /** The same with the SDK set up by the file in OTEL_CONFIG_FILE, which exports to the console. */
  async file() {
    const { startNodeSdk } = load('@opentelemetry/sdk-node');
    const instrumentation = energyInstrumentation({ source });
    const printed = [];
    const { dir } = console;
    console.dir = (metrics) => printed.push(metrics);
    const sdk = startNodeSdk({ instrumentations: [instrumentation] });
    await until(() => printed.flatMap(({ dataPoints }) => dataPoints));
    const seen = printed.map(({ descriptor, dataPoints }) =>
      dataPoints.map(({ value, attributes }) => ({ name: descriptor.name, value, attributes })),
    );
    await sdk.shutdown();
    await instrumentation.shutdown();
    console.dir = dir;
    return seen;
  },
};

parts[part]().then((seen) => console.log(JSON.stringify(seen)));
