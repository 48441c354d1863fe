// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { type Answer, createOtlpClient } from '../../src/otel/otlp-client.ts';
import { publishSettings } from '../../src/settings/environment.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const openssl = spawnSync('openssl', ['version']).status === 0;

// Certificates are made here, since any in the repository would run out.
(openssl ? describe : describe.skip)('OTLP over TLS (skipped where there is no openssl)', () => {
  let directory: string;
  let server: Server;
  let seen: { peer: string | undefined; authorization: string | undefined }[];
  const path = (name: string): string => join(directory, name);

  function certificate(name: string, subject: string): void {
    const files = ['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)];
    const what = ['-subj', `/CN=${subject}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...files, ...what],
      { stdio: 'ignore' },
    );
  }
  beforeAll(() => {
    directory = temporaryDirectory();
    certificate('server', 'receiver');
    certificate('client', 'agent 7');
  });

  beforeEach(async () => {
    seen = [];
    server = createServer(
      {
        key: readFileSync(path('server.key')),
        cert: readFileSync(path('server.pem')),
        ca: readFileSync(path('client.pem')),
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        const socket = request.socket as TLSSocket;
        const peer = socket.authorized ? String(socket.getPeerCertificate().subject.CN) : undefined;
        seen.push({ peer, authorization: request.headers.authorization });
        request.resume().on('end', () => response.end());
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });

  async function post(env: NodeJS.ProcessEnv): Promise<Answer> {
    const { port } = server.address() as AddressInfo;
    const endpoint = `https://me:pass%20word@127.0.0.1:${port}`;
    const { otlp } = publishSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...env });
    const client = createOtlpClient(otlp!);
    const what = { body: Buffer.from('{}'), contentType: 'application/json', timeoutMs: 10_000 };
    try {
      return await client.post({ ...what, signal: new AbortController().signal });
    } finally {
      client.close();
    }
  }

  it('trusts the certificate that it is told to, shows its own, and says who it is', async () => {
    const { status } = await post({
      OTEL_EXPORTER_OTLP_CERTIFICATE: path('server.pem'),
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: path('client.pem'),
      OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY: path('client.key'),
    });
    expect(status).toBe(200);
    const authorization = `Basic ${Buffer.from('me:pass word').toString('base64')}`;
    expect(seen).toEqual([{ peer: 'agent 7', authorization }]);
  });

  it('trusts no other', async () => {
    await expect(post({})).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    await expect(post({ OTEL_EXPORTER_OTLP_CERTIFICATE: path('client.pem') })).rejects.toThrow();
    expect(seen).toEqual([]);
  });

  it('prefers the authorization of a header to that of the URL', async () => {
    await post({
      OTEL_EXPORTER_OTLP_CERTIFICATE: path('server.pem'),
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20t',
    });
    expect(seen).toEqual([{ peer: undefined, authorization: 'Bearer t' }]);
  });
});
