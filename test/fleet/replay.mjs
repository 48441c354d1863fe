// SPDX-License-Identifier: Apache-2.0
// Many nodes push what one did, each at its own moment of every interval.
import { Agent, request as open } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { requestOf } from './node.mjs';

/** Requests under way at a time: what a Collector does not take in time waits. */
const MOST_UNDER_WAY = 32;
/** An ExportMetricsServiceResponse whose partial_success, if there is one, tells of nothing. */
const ALL_TAKEN = new Set(['', '0a00']);
const HEADERS = { 'content-type': 'application/x-protobuf' };

/** { requests, bytes, refused, latest (s that a request was late by, at most) }, once all is sent. */
export async function replay({ templates, nodes, seconds, endpoint }) {
  const sent = { requests: 0, bytes: 0, refused: [], latest: 0 };
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_UNDER_WAY });
  const underWay = new Set();
  const begin = Date.now();
  for (let turn = 0; turn < templates.length * nodes; turn++) {
    const due = begin + (1000 * seconds * turn) / nodes;
    if (due > Date.now()) await sleep(due - Date.now());
    if (underWay.size >= MOST_UNDER_WAY) await Promise.race(underWay);
    sent.latest = Math.max(sent.latest, (Date.now() - due) / 1000);
    const node = turn % nodes;
    const bodies = templates[Math.floor(turn / nodes)].map((template) => requestOf(template, node, due));
    const push = pushAll(bodies, { url: `${endpoint}/v1/metrics`, agent, sent });
    underWay.add(push);
    void push.finally(() => underWay.delete(push));
  }
  await Promise.all(underWay);
  agent.destroy();
  return sent;
}

async function pushAll(bodies, { url, agent, sent }) {
  for (const body of bodies) {
    sent.requests += 1;
    sent.bytes += body.length;
    try {
      const answered = open(url, {
        method: 'POST',
        agent,
        headers: { ...HEADERS, 'content-length': body.length },
      });
      answered.end(body);
      const [response] = await once(answered, 'response');
      const said = await buffer(response);
      if (response.statusCode !== 200 || !ALL_TAKEN.has(said.toString('hex')))
        sent.refused.push(`HTTP ${response.statusCode} ${said.toString('latin1')}`.slice(0, 200));
    } catch (error) {
      sent.refused.push(error.message);
    }
  }
}
