// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { acceptsGzip } from '../../http/accept.ts';
import { type Handler, type Routes, sendLine } from '../../http/router.ts';
import { EnergyError } from '../../model/errors.ts';
import { ownDirectory } from '../../probe/native-part.ts';
import { PAGE_HEADERS, isForeign, setHeaders } from './headers.ts';

/** Where set-up puts what it bundles of `browser/`, below our package. */
const BUILT = 'dist/web/assets';

/** By path: name of the file and its type. */
const ASSETS = {
  '/': ['index.html', 'text/html'],
  '/app.js': ['app.js', 'text/javascript'],
  '/app.css': ['app.css', 'text/css'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
} as const;

/** The files of the page, read once. @throws EnergyError where they have not been built. */
export function assets(directory: string = join(ownDirectory(), BUILT)): Routes {
  return Object.fromEntries(
    Object.entries(ASSETS).map(([path, [name, type]]) => [path, asset(join(directory, name), type)]),
  );
}

function asset(path: string, type: string): Handler {
  const body = read(path);
  const gzipped = gzipSync(body, { level: 9 });
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return (request, response) => {
    setHeaders(response, { ...PAGE_HEADERS, etag, vary: 'Accept-Encoding' });
    if (isForeign(request)) return sendLine(response, 403, 'not for pages of other sites');
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304).end();
      return undefined;
    }
    const zipped = acceptsGzip(request.headers['accept-encoding'] ?? '');
    if (zipped) response.setHeader('content-encoding', 'gzip');
    const sent = zipped ? gzipped : body;
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-length': sent.length });
    response.end(request.method === 'HEAD' ? undefined : sent);
    return undefined;
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new EnergyError('ENOENT', `the page is not built (${path} is missing): run "npm run build"`, 1, {
      cause: error,
    });
  }
}
