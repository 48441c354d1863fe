// SPDX-License-Identifier: Apache-2.0
// Loaded before the application: node --require ./telemetry.js app.js
const { OTLPMetricExporter } = require('@opentelemetry/exporter-metrics-otlp-proto');
const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const { envDetector, hostDetector } = require('@opentelemetry/resources');
const { PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { EnergyMetricProducer, requestEnergy } = require('otel-ebpf-energy');

// What this process uses, and what of it each request did.
const producer = new EnergyMetricProducer({ source: process.env.ENERGY_SOURCE ?? 'auto' });
const requests = requestEnergy({ producer });

const sdk = new NodeSDK({
  serviceName: process.env.OTEL_SERVICE_NAME ?? 'price-list',
  // Those of the process would make every series a new one at each start.
  resourceDetectors: [envDetector, hostDetector],
  // Energy needs spans to follow, not spans that are kept: to export them as well, add their processor to the list.
  spanProcessors: [requests],
  metricReaders: [
    new PeriodicExportingMetricReader({
      // Where to: OTEL_EXPORTER_OTLP_ENDPOINT, by default http://localhost:4318, a Collector.
      exporter: new OTLPMetricExporter(),
      exportIntervalMillis: 5000,
      // Not the producer beside it: these are its metrics, too.
      metricProducers: [requests],
    }),
  ],
  instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()],
});
sdk.start();

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    // The last reading is made and sent before the measuring ends.
    await sdk.shutdown().catch(console.error);
    await producer.shutdown();
    process.exit();
  });
}
