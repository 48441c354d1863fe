// SPDX-License-Identifier: Apache-2.0
// A server with the OpenTelemetry SDK of the directory given, its requests' energy followed. Prints one line of JSON: its
// readings and what the server knows of itself.
//   served.cjs DIRECTORY FRAMEWORK SOURCE CONCURRENCY REQUESTS [PART]
const { createRequire } = require('node:module');
const { pbkdf2 } = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');
const { promisify } = require('node:util');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

const [directory, framework, source, concurrency, requests, part = 'plain'] = isMainThread
  ? process.argv.slice(2)
  : workerData;
const load = createRequire(`${directory}/package.json`);
const { EnergyMetricProducer, requestEnergy } = load('otel-ebpf-energy');
const { context, trace, SpanKind, diag } = load('@opentelemetry/api');
const { AsyncLocalStorageContextManager } = load('@opentelemetry/context-async-hooks');
const sdk = load('@opentelemetry/sdk-trace');

/** Nothing but CPU time of this process tells how long it works: others may use the CPU meanwhile. */
const clock = require(`${directory}/node_modules/otel-ebpf-energy/build/Release/energy.node`).threadCpuNs;
function work(ms) {
  for (const end = clock() + ms * 1e6; clock() < end;);
}

/** Half before an await and half after it. */
async function handle(ms) {
  work(ms / 2);
  await sleep(1);
  const tracer = trace.getTracer('inner');
  await tracer.startActiveSpan('inside', async (span) => {
    await Promise.resolve();
    work(ms / 2);
    span.end();
  });
}

const readings = [];
async function moreReadings(count) {
  for (const enough = readings.length + count; readings.length < enough;) await sleep(50);
}

const lost = [];
const ROUTES = {
  // What is compiled while it runs, and a framework's first requests, are of this one.
  '/warm': () => handle(1),
  // What a request takes whose handler does nothing.
  '/empty': () => handle(0),
  '/light': () => handle(4),
  '/heavy': () => handle(12),
  '/pool': () => promisify(pbkdf2)('a', 'b', 60_000, 32, 'sha256'),
  '/block': async () => work(5000),
  // All of its CPU time is in readings long before it ends.
  '/long': () => handle(100).then(() => moreReadings(3)),
  // Whoever comes to run the queue has another context than who put it there.
  '/queue': () => new Promise((resolve) => lost.push(resolve)).then(() => work(1)),
};
/** What is asked for, where it is not all three by turns. */
const PATHS = { pool: ['/pool'], block: ['/light', '/block'], queue: ['/queue'], long: ['/light', '/long'] };
setInterval(() => lost.splice(0).forEach((resolve) => resolve()), 5).unref();

/** The middle of what happens to a request: a span of its kind around it, as instrumentations make them. */
function tracedHandler(tracer) {
  return (request, response) => {
    const route = request.url;
    const span = tracer.startSpan(route, {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': request.method },
    });
    context.with(trace.setSpan(context.active(), span), async () => {
      if (part === 'nested') endAt(tracer, '/inner', 1);
      await ROUTES[route]();
      span.setAttributes({ 'http.route': route, 'http.response.status_code': 200 });
      response.end('ok');
      if (part !== 'unended') span.end();
    });
  };
}

/** A request that this process makes of itself, within another: it works on it, then on the one around it. */
function endAt(tracer, route, ms) {
  const span = tracer.startSpan(route, {
    kind: SpanKind.SERVER,
    attributes: { 'http.request.method': 'GET', 'http.route': route },
  });
  context.with(trace.setSpan(context.active(), span), work, undefined, ms);
  span.end();
}

/** The same within a span that is no request's, which works on its own. */
function insideAnother(tracer, handler) {
  return (request, response) =>
    tracer.startActiveSpan('dispatch', (span) => {
      work(1);
      handler(request, response);
      span.end();
    });
}

const FRAMEWORKS = {
  http(tracer) {
    const handler = tracedHandler(tracer);
    return load('node:http').createServer(part === 'nested' ? insideAnother(tracer, handler) : handler);
  },
  express() {
    const app = load('express')();
    for (const [route, run] of Object.entries(ROUTES))
      app.get(route, async (_request, response) => {
        await run();
        response.send('ok');
      });
    return load('node:http').createServer(app);
  },
  async fastify() {
    const app = load('fastify')();
    app.addHook('onRequest', (request, _reply, done) => {
      trace.getActiveSpan()?.setAttribute('http.route', request.routeOptions.url);
      done();
    });
    for (const [route, run] of Object.entries(ROUTES))
      app.get(route, async () => {
        await run();
        return 'ok';
      });
    await app.ready();
    return app.server;
  },
};

/** Resolves when `count` requests, `concurrency` at once, have been answered: of each path as many. */
async function ask(port, paths, count, atOnce) {
  const http = load('node:http');
  const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
  const asked = Array.from({ length: count }, (_, i) => paths[i % paths.length]).values();
  const one = (path) =>
    new Promise((resolve, reject) => {
      http
        .get({ port, path, agent, host: '127.0.0.1' }, (response) => {
          response.resume().on('end', resolve);
        })
        .on('error', reject);
    });
  const client = async () => {
    for (const path of asked) await one(path);
  };
  await Promise.all(Array.from({ length: atOnce }, client));
  agent.destroy();
}

/** Attributes of spans that have ended. */
const ended = [];
const noting = {
  onStart() {},
  onEnd: ({ attributes }) => part === 'long' && ended.push(attributes),
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

function startTracing(processor) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const Provider = sdk.BasicTracerProvider ?? sdk.TracerProvider;
  const provider = new Provider({ spanProcessors: [processor, noting] });
  trace.setGlobalTracerProvider(provider);
  return provider;
}

/** What metrics say, flat. */
function shown({ resourceMetrics, errors }) {
  const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  const points = metrics.flatMap(({ descriptor: { name }, dataPoints }) =>
    dataPoints.map(({ value, attributes }) => ({ name, value, attributes })),
  );
  return { points, errors: errors.map(String) };
}

async function inMain() {
  const told = [];
  diag.setLogger({ error() {}, info() {}, debug() {}, verbose() {}, warn: (line) => told.push(line) });
  const producer = new EnergyMetricProducer({ source });
  const energy = requestEnergy({ producer, spanAttribute: true });
  const second = part === 'twice' ? requestEnergy({ producer }) : undefined;
  if (framework !== 'http') {
    const { HttpInstrumentation } = load('@opentelemetry/instrumentation-http');
    const http = new HttpInstrumentation({ ignoreOutgoingRequestHook: () => true });
    const { ExpressInstrumentation } = load('@opentelemetry/instrumentation-express');
    const express = new ExpressInstrumentation();
    http.enable();
    express.enable();
  }
  const provider = startTracing(energy);
  if (second) startTracing(second);
  const read = async () => readings.push(shown(await energy.collect()));
  // Until the meter is there.
  for (let i = 0; i < 300; i++) {
    await read();
    if (readings.at(-1).points.length > 0) break;
    await sleep(100);
  }
  readings.splice(0, readings.length - 1);
  const server = await FRAMEWORKS[framework](trace.getTracer('server'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const paths = PATHS[part] ?? ['/empty', '/light', '/heavy'];
  const reading = setInterval(() => void read(), 1100);
  const worker =
    part === 'worker' ? new Worker(__filename, { workerData: process.argv.slice(2) }) : undefined;
  const workerEnds = worker && new Promise((resolve) => worker.once('exit', resolve));
  await ask(port, ['/warm'], 200, 20);
  await ask(port, paths, Number(requests), Number(concurrency));
  await workerEnds;
  clearInterval(reading);
  // What begins a series is in the one after it, and no two are within a second.
  for (let i = 0; i < 3; i++) {
    await sleep(1200);
    await read();
  }
  if (second) told.push(...shown(await second.collect()).errors);
  server.close();
  server.closeAllConnections();
  await provider.shutdown();
  await second?.shutdown();
  await producer.shutdown();
  // All of it is to be written before the end.
  process.stdout.write(`${JSON.stringify({ readings, told, ended })}\n`, () => process.exit(0));
}

/** A worker that answers messages to itself, in spans as of a server. */
async function inWorker() {
  const energy = requestEnergy();
  const provider = startTracing(energy);
  const tracer = trace.getTracer('worker');
  for (let i = 0; i < 200; i++) {
    const span = tracer.startSpan('job', {
      kind: SpanKind.SERVER,
      attributes: { 'http.request.method': 'GET' },
    });
    await context.with(trace.setSpan(context.active(), span), () => handle(5));
    span.setAttributes({ 'http.route': '/in-worker', 'http.response.status_code': 200 });
    span.end();
  }
  await sleep(500);
  await provider.shutdown();
}

void (isMainThread ? inMain() : inWorker());
