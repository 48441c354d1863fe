// SPDX-License-Identifier: Apache-2.0
// served.cjs FOLDER KIND SOURCE: a server of requests of about a millisecond. KIND: traced; process, its energy is read every
// second as well; requests, that of its requests, too. Prints its port; GET /cpu tells its CPU time so far, ns.
const { createHash } = require('node:crypto');
const { createRequire } = require('node:module');
const { setTimeout: sleep } = require('node:timers/promises');

const [folder, kind, source] = process.argv.slice(2);
const load = createRequire(`${folder}/package.json`);

function startTracing() {
  const { NodeTracerProvider } = load('@opentelemetry/sdk-node').node;
  const { HttpInstrumentation } = load('@opentelemetry/instrumentation-http');
  const { ExpressInstrumentation } = load('@opentelemetry/instrumentation-express');
  const { EnergyMetricProducer, requestEnergy } = load('otel-ebpf-energy');
  const spanProcessors = [];
  if (kind !== 'traced') {
    const producer = new EnergyMetricProducer({ source });
    const requests = kind === 'requests' ? requestEnergy({ producer }) : undefined;
    if (requests) spanProcessors.push(requests);
    setInterval(() => void (requests ?? producer).collect(), 1000);
  }
  new NodeTracerProvider({ spanProcessors }).register();
  new HttpInstrumentation().enable();
  new ExpressInstrumentation().enable();
}

const PAGE = Buffer.alloc(64 * 1024, 'a');
function digest(pages) {
  const hash = createHash('sha256');
  for (let i = 0; i < pages; i++) hash.update(PAGE);
  return hash.digest('hex');
}

startTracing();
const app = load('express')();
app.get('/', async (_request, response) => {
  const first = digest(8);
  await sleep(1);
  response.json([first, digest(8)]);
});
app.get('/cpu', (_request, response) => {
  const { user, system } = process.cpuUsage();
  response.json((user + system) * 1000);
});
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.once('disconnect', () => process.exit());
