// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers one request. What it throws before it has begun to answer becomes a 500 without details. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** By path, without the query. */
export type Routes = Readonly<Record<string, Handler>>;

/** Leads GET and HEAD to the handler of the path; there is nothing else that may be asked of this server. */
export function router(routes: Routes): Handler {
  const byPath = new Map(Object.entries(routes));
  const known = [...byPath.keys()].join(', ');
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return sendLine(response, 405, 'only GET and HEAD');
    }
    const path = request.url?.split('?', 1)[0] ?? '';
    const handler = byPath.get(path);
    return handler ? handler(request, response) : sendLine(response, 404, `not found: there is ${known}`);
  };
}

/** Answers with a line of text. */
export function sendLine(response: ServerResponse, status: number, line: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${line}\n`);
}
