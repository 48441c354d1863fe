// SPDX-License-Identifier: Apache-2.0
// Stands where a Collector would, and hands what it gets to VictoriaMetrics as it is. It can be away.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

export async function startReceiver(target) {
  const refused = [];
  const server = createServer((request, response) => {
    void forward(request, response).catch(() => response.destroy());
  });
  async function forward(request, response) {
    const body = await buffer(request);
    const { 'content-type': type, 'content-encoding': encoding } = request.headers;
    const headers = { 'content-type': type, ...(encoding && { 'content-encoding': encoding }) };
    const answer = await fetch(target + request.url, { method: request.method, headers, body });
    if (!answer.ok) refused.push(`HTTP ${answer.status} ${await answer.text()}`.slice(0, 200));
    response.writeHead(answer.status, { 'content-type': type }).end();
  }
  const listen = async (port) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address();
  const leave = () => {
    server.close();
    server.closeAllConnections();
  };
  return {
    endpoint: `http://127.0.0.1:${port}/opentelemetry`,
    /** What VictoriaMetrics did not take. */
    refused: () => refused,
    /** Connections are refused until it is back. */
    leave,
    comeBack: () => listen(port),
    close: leave,
  };
}
