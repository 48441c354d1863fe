// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { jsonObjects } from '../../src/util/json.ts';
import { kubeletPods } from '../../src/identity/kubelet.ts';
import { keyOf } from '../../src/identity/namer.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PODS = readFileSync(join(__dirname, '../fixtures/containers/pods.json'), 'utf8');
const hello = { containerId: 'e0'.repeat(32), runtime: 'containerd', podUid: null };
const setup = { ...hello, containerId: 'e1'.repeat(32) };
const unknown = { ...hello, containerId: 'ee'.repeat(32) };
const HELLO = {
  imageName: 'example.org/hello-app',
  imageTags: ['1.0'],
  k8sContainer: 'hello-world',
  k8sPod: 'hello-world',
  k8sNamespace: 'default',
};

let directory: string;
let server: Server | undefined;
beforeAll(() => {
  directory = temporaryDirectory();
  const at = { cwd: directory, stdio: 'ignore' } as const;
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      'key',
      '-out',
      'cert',
      ...subject,
    ],
    at,
  );
  writeFileSync(join(directory, 'token'), 'secret\n');
});
afterEach(async () => {
  if (!server) return;
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  server = undefined;
});

async function listen(started: Server): Promise<number> {
  server = started.listen(0, 'localhost');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** As a kubelet answers, in pieces of a few bytes. */
const kubelet: RequestListener = (request, response) => {
  if (request.url !== '/pods') response.writeHead(404);
  else if ('encrypted' in request.socket && request.headers.authorization !== 'Bearer secret')
    response.writeHead(401);
  else for (let at = 0; at < PODS.length; at += 100) response.write(PODS.slice(at, at + 100));
  response.end();
};

const secure = (): Server =>
  createHttps(
    { key: readFileSync(join(directory, 'key')), cert: readFileSync(join(directory, 'cert')) },
    kubelet,
  );

describe('the kubelet', () => {
  it('names the containers of its pods at its read-only port', async () => {
    const port = await listen(createHttp(kubelet));
    const found = await kubeletPods({ url: `http://localhost:${port}` })([hello, setup, unknown]);
    expect(found).toEqual(
      new Map([
        [
          setup.containerId,
          {
            ...HELLO,
            imageName: 'example.org/setup',
            imageTags: ['3'],
            k8sContainer: 'setup',
          },
        ],
        [hello.containerId, HELLO],
      ]),
    );
  });

  it('names its pods where no container is known, and no container after its pod alone', async () => {
    const port = await listen(createHttp(kubelet));
    const podUid = '6f9c6a2e-0d7b-4b1c-8a55-0a3f5b2d9e11';
    const pod = { containerId: null, runtime: null, podUid };
    const found = await kubeletPods({ url: `http://localhost:${port}` })([pod, { ...unknown, podUid }]);
    expect([...found]).toEqual([[keyOf(pod), { k8sPod: 'new', k8sNamespace: 'default' }]]);
  });

  it('is asked with a token where its certificate is the one that is trusted', async () => {
    const url = `https://localhost:${await listen(secure())}`;
    const options = { url, tokenFile: join(directory, 'token'), caFile: join(directory, 'cert') };
    expect((await kubeletPods(options)([hello])).get(hello.containerId)).toEqual(HELLO);
    await expect(kubeletPods({ url, caFile: options.caFile })([hello])).rejects.toThrow(
      /the kubelet at localhost:\d+ does not list its pods \(HTTP 401\)/,
    );
    await expect(kubeletPods({ url, tokenFile: options.tokenFile })([hello])).rejects.toThrow(
      /does not list its pods \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    );
  });

  it('is not there, or no kubelet: its names are missing, with a reason', async () => {
    const port = await listen(createHttp((_, response) => response.end('<html>{{')));
    expect(await kubeletPods({ url: `http://localhost:${port}` })([hello])).toEqual(new Map());
    const broken = createHttp((_, response) => response.end('{"items": [{nonsense}]}'));
    const other = kubeletPods({ url: `http://localhost:${(await listenAlso(broken)).port}` });
    await expect(other([hello])).rejects.toThrow(/does not list its pods \(/);
    broken.close();
    await expect(kubeletPods({ url: 'http://localhost:1' })([hello])).rejects.toThrow(/ECONNREFUSED/);
  });
});

async function listenAlso(other: Server): Promise<AddressInfo> {
  other.listen(0, 'localhost');
  await once(other, 'listening');
  return other.address() as AddressInfo;
}

describe('objects of a JSON text that comes in pieces', () => {
  const TEXT = JSON.stringify({ a: {}, list: [{ b: ['}', '"', '\\', { c: 1 }] }, {}, { 'k]': '{' }] });
  async function objects(size: number): Promise<unknown[]> {
    async function* pieces(): AsyncGenerator<string> {
      for (let at = 0; at < TEXT.length; at += size) yield TEXT.slice(at, at + size);
    }
    const found: unknown[] = [];
    for await (const object of jsonObjects(pieces(), 2)) found.push(object);
    return found;
  }

  it('are the same however it is cut', async () => {
    const { list } = JSON.parse(TEXT) as { list: unknown[] };
    for (let size = 1; size <= TEXT.length; size++) expect(await objects(size)).toEqual(list);
  });

  it('are refused when one never ends', async () => {
    async function* endless(): AsyncGenerator<string> {
      yield '[{"a": "';
      for (;;) yield 'x'.repeat(65_536);
    }
    await expect(async () => {
      for await (const _ of jsonObjects(endless(), 1)) throw new Error('there is none');
    }).rejects.toThrow(/more than 1048576 characters/);
  });
});
