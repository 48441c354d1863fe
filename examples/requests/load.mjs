// SPDX-License-Identifier: Apache-2.0
// npm run load -- [URL [REQUESTS_PER_SECOND [SECONDS]]]: asks for all routes in turn, whether or not answers have come.
import { setTimeout as sleep } from 'node:timers/promises';

const [url = 'http://127.0.0.1:8080', rate = '20', seconds = '600'] = process.argv.slice(2);
const PATHS = ['/price/apple', '/report', '/health', '/price/pear', '/report', '/health'];

const answered = {};
async function ask(path) {
  try {
    const response = await fetch(url + path);
    await response.arrayBuffer();
    answered[response.status] = (answered[response.status] ?? 0) + 1;
  } catch (error) {
    const why = error.cause?.code ?? error.message;
    answered[why] = (answered[why] ?? 0) + 1;
  }
}

const under = [];
const from = performance.now();
const count = Math.round(Number(rate) * Number(seconds));
for (let i = 0; i < count; i++) {
  await sleep(from + (1000 * i) / Number(rate) - performance.now());
  under.push(ask(PATHS[i % PATHS.length]));
}
await Promise.all(under);
console.log(JSON.stringify(answered));
