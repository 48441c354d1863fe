// SPDX-License-Identifier: Apache-2.0
// A registry of npm for the packages of our own scope, which are not published: what npm takes from it, and what it leaves,
// it decides as it would of the real one.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { must } from '../../deploy/packages/run.mjs';

/** Serves tarballs until it is closed: { url, asked }, the latter the names of those that were fetched. */
export async function startRegistry(tarballs) {
  const packages = new Map(tarballs.map((path) => read(path)));
  const asked = new Set();
  const server = createServer((request, response) => {
    const [, name, isFile] = /^\/(@[^/]+\/[^/]+)(\/-\/.*)?$/.exec(decodeURIComponent(request.url)) ?? [];
    const found = packages.get(name);
    if (!found) return response.writeHead(404).end('{}');
    if (!isFile) {
      const dist = { integrity: found.integrity, tarball: `${url()}${name}/-/file.tgz` };
      const { version } = found.manifest;
      const versions = { [version]: { ...found.manifest, dist } };
      const body = JSON.stringify({ name, 'dist-tags': { latest: version }, versions });
      return response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    }
    asked.add(name);
    return response.writeHead(200).end(found.content);
  });
  const url = () => `http://127.0.0.1:${server.address().port}/`;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: url(), asked, close: () => server.close() };
}

function read(path) {
  const manifest = JSON.parse(must('tar', ['-xzOf', path, 'package/package.json']));
  const content = readFileSync(path);
  const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`;
  return [manifest.name, { manifest, content, integrity }];
}
