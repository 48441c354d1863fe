// SPDX-License-Identifier: Apache-2.0
// Two routes, of which one does four times the work of the other, and one that does nothing.
const { createHash } = require('node:crypto');
const { setTimeout: sleep } = require('node:timers/promises');
const express = require('express');

const PAGE = Buffer.alloc(64 * 1024, 'a price list');
/** Some ms of CPU. */
const PRICE_PAGES = 100;

/** Stands for what a service computes: the same work each time it is asked for. */
function digest(pages) {
  const hash = createHash('sha256');
  for (let i = 0; i < pages; i++) hash.update(PAGE);
  return hash.digest('hex');
}

const app = express();

app.get('/price/:item', async (request, response) => {
  // A database would be asked here: waiting costs the request nothing.
  await sleep(5);
  response.json({ item: request.params.item, digest: digest(PRICE_PAGES) });
});

app.get('/report', async (_request, response) => {
  const digests = [];
  for (let part = 0; part < 4; part++) {
    await sleep(5);
    digests.push(digest(PRICE_PAGES));
  }
  response.json({ digests });
});

app.get('/health', (_request, response) => {
  response.json({ ok: true });
});

const port = Number(process.env.PORT ?? 8080);
app.listen(port, process.env.HOST ?? '127.0.0.1', () => console.log(`listening on port ${port}`));
