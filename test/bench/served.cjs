// SPDX-License-Identifier: Apache-2.0
// served.cjs FOLDER SOURCE: a traced server of requests of about a millisecond, whose energy is read every second. Prints its
// port. GET /on and /off: whether that of its requests is followed, too; GET /cpu: its CPU time so far, ns.
const { createHash } = require('node:crypto');
const { createRequire } = require('node:module');
const { setTimeout: sleep } = require('node:timers/promises');

const [folder, source] = process.argv.slice(2);
const load = createRequire(`${folder}/package.json`);

const { EnergyMetricProducer, requestEnergy } = load('otel-ebpf-energy');
const producer = new EnergyMetricProducer({ source });
let requests;
setInterval(() => void (requests ?? producer).collect(), 1000);

/** On and off in one process: two are compiled and laid out in two ways, which differ by more. */
function follow(isOn) {
  void requests?.shutdown();
  requests = isOn ? requestEnergy({ producer }) : undefined;
}

function startTracing() {
  const { NodeTracerProvider } = load('@opentelemetry/sdk-node').node;
  const { HttpInstrumentation } = load('@opentelemetry/instrumentation-http');
  const { ExpressInstrumentation } = load('@opentelemetry/instrumentation-express');
  const processor = {
    onStart: (...what) => requests?.onStart(...what),
    onEnding: (span) => requests?.onEnding(span),
    onEnd: (span) => requests?.onEnd(span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  new NodeTracerProvider({ spanProcessors: [processor] }).register();
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
for (const state of ['on', 'off']) {
  app.get(`/${state}`, (_request, response) => {
    follow(state === 'on');
    response.json(state);
  });
}
app.get('/cpu', (_request, response) => {
  const { user, system } = process.cpuUsage();
  response.json((user + system) * 1000);
});
const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.once('disconnect', () => process.exit());
