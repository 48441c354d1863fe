// SPDX-License-Identifier: Apache-2.0
// What one agent pushes of a busy machine, some times in a row, for many to say after it.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { SOURCE } from '../e2e/agent.mjs';
import { start, stop } from '../e2e/processes.mjs';
import { findTimes, latestTime } from './metrics.mjs';

/** What stands in the requests for a node's name and id: both are replaced by as many bytes. */
export const NAME = 'joules-fleet-node-0000';
export const ID = '00000000000000000000000000f1ee70';

const root = join(import.meta.dirname, '../..');
/** So many programs begin at a time, and are seen in the next pushes. */
const BATCH = 20;
const BATCH_SECONDS = 2.5;
/** A program is busy for so much of the time. */
const DUTY = 0.002;
const SECONDS_BETWEEN = 1;
const LASTS_SECONDS = 600;

/**
 * `count` pushes in a row, each of them the bodies of its requests, of a machine with about as many series as are asked
 * for: programs in containers of their own begin until there are.
 */
export async function record({ series, count, program, cgroups, own }) {
  const receiver = await receive();
  const crowd = [];
  const agent = startAgent(receiver.url, own);
  const wait = async (seconds) => {
    await sleep(seconds * 1000);
    if (agent.exitCode !== null) throw new Error(`the agent ended with ${agent.exitCode}`);
  };
  const now = () => (receiver.pushes.length > 0 ? pointsOf(receiver.pushes.at(-1)) : 0);
  try {
    while (now() < 0.97 * series) {
      if (crowd.length >= series)
        throw new Error(`${crowd.length} programs make ${now()} series, not ${series}`);
      for (let i = 0; i < BATCH; i++) crowd.push(begin(crowd.length, program, cgroups));
      await wait(BATCH_SECONDS);
    }
    const first = receiver.pushes.length;
    while (receiver.pushes.length <= first + count) await wait(SECONDS_BETWEEN);
    return receiver.pushes.slice(first, first + count);
  } finally {
    await stop(agent);
    await Promise.all(crowd.map((one) => stop(one, 'SIGKILL')));
    for (const path of crowd.map((_, i) => pathOf(i))) await cgroups.remove(path);
    receiver.close();
  }
}

export function pointsOf(push) {
  return push.reduce((points, request) => points + findTimes(request).length, 0);
}

function begin(i, program, cgroups) {
  const path = pathOf(i);
  cgroups.make(path);
  return cgroups.start(path, program(`fleet-${i}`), [`${LASTS_SECONDS}`, `${DUTY}`]);
}

function pathOf(i) {
  return `docker-${createHash('sha256').update(`fleet ${i}`).digest('hex')}.scope`;
}

function startAgent(endpoint, own) {
  const env = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_METRIC_EXPORT_INTERVAL: `${SECONDS_BETWEEN * 1000}`,
    OTEL_RESOURCE_ATTRIBUTES: `host.name=${NAME},host.id=${ID}`,
  };
  const args = ['agent', '--interval', `${SECONDS_BETWEEN}`, '--source', SOURCE];
  return start(join(root, 'bin/joules'), args, { log: join(own, 'agent.log'), env });
}

/** Takes what is pushed. Requests of one push come one after the other, and the latest time in each is that of the push. */
async function receive() {
  const pushes = [];
  let last;
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const time = latestTime(body);
      if (time === last) pushes.at(-1).push(body);
      else pushes.push([body]);
      last = time;
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}`, pushes, close: () => server.close() };
}
