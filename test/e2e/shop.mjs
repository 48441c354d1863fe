// SPDX-License-Identifier: Apache-2.0
// An application with a request counter: GET / is a request that takes some ms, GET /metrics tells how many there were.
import { createServer } from 'node:http';

const BUSY_MS = 5;
let requests = 0;

createServer((request, response) => {
  if (request.url === '/metrics') {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(
      '# HELP http_server_requests_total Requests answered.\n' +
        '# TYPE http_server_requests_total counter\n' +
        `http_server_requests_total ${requests}\n`,
    );
    return;
  }
  for (const end = performance.now() + BUSY_MS; performance.now() < end;);
  requests += 1;
  response.end('thank you\n');
}).listen(Number(process.argv[2]), '127.0.0.1');
