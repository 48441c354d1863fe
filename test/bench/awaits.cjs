// SPDX-License-Identifier: Apache-2.0
// awaits.cjs FOLDER KIND: CPU time of an await, ns, in a span, within what KIND says. Prints JSON.
const { createRequire } = require('node:module');

const [folder, kind] = process.argv.slice(2);
const load = createRequire(`${folder}/package.json`);
const AWAITS = 100_000;
const TIMES = 15;

/** A request's span around what runs, as instrumentations make it. */
function inSpan(run) {
  const { context, trace, SpanKind } = load('@opentelemetry/api');
  const span = trace
    .getTracer('bench')
    .startSpan('request', { kind: SpanKind.SERVER, attributes: { 'http.request.method': 'GET' } });
  return context.with(trace.setSpan(context.active(), span), run).finally(() => span.end());
}

function startTracing(spanProcessors) {
  const { NodeTracerProvider } = load('@opentelemetry/sdk-node').node;
  const provider = new NodeTracerProvider({ spanProcessors });
  provider.register();
  return provider;
}

const settled = Promise.resolve();
async function awaits() {
  for (let i = 0; i < AWAITS; i++) await settled;
}

async function main() {
  const { EnergyMetricProducer, requestEnergy } = load('otel-ebpf-energy');
  const producer = kind === 'energy' ? new EnergyMetricProducer({ source: 'estimated' }) : undefined;
  if (kind !== 'bare') startTracing(producer ? [requestEnergy({ producer })] : []);
  const run = kind === 'bare' ? (what) => what() : inSpan;
  const spent = [];
  // The first ones are compiled meanwhile.
  for (let i = 0; i < TIMES; i++) {
    const before = process.cpuUsage();
    await run(awaits);
    const { user, system } = process.cpuUsage(before);
    spent.push(((user + system) * 1000) / AWAITS);
  }
  console.log(JSON.stringify(Math.min(...spent.slice(3))));
  await producer?.shutdown();
  process.exit();
}

void main();
