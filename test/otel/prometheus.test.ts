// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../../src/model/errors.ts';
import { publishSettings } from '../../src/settings/environment.ts';
import { setUpPublishing } from '../support/publishing.ts';

const at = setUpPublishing();
const { publish } = at;

describe('the Prometheus endpoint', () => {
  it('is all there is where nothing is configured', async () => {
    const publisher = await publish({});
    expect(publisher.endpoints).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)]);
    expect(publishSettings({})).toMatchObject({
      otlp: undefined,
      prometheus: { host: '127.0.0.1', port: 9464 },
      console: false,
    });
  });

  it('serves sums in Joules as text', async () => {
    const [url] = (await publish({})).endpoints;
    const response = await fetch(url!);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const page = await response.text();
    expect(page).toMatch(
      /^process_energy_joules_total\{process_executable_name="node",container_id="c0ffee",.*\} 0\.7$/m,
    );
    expect(page).toMatch(/^target_info\{.*service_name="otel-ebpf-energy".*\} 1$/m);
  });

  it('shows the way to the metrics and refuses what it does not serve', async () => {
    const [url] = (await publish({})).endpoints;
    const root = await fetch(new URL('/', url));
    expect([root.status, await root.text()]).toEqual([200, 'otel-ebpf-energy: metrics are at /metrics\n']);
    expect((await fetch(new URL('/other', url))).status).toBe(404);
    expect((await fetch(url!, { method: 'POST' })).status).toBe(405);
    const head = await fetch(`${url}?name[]=x`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it.each(['127.0.0.1', '127.0.0.2', 'localhost'])(
    'says nothing where only this machine reaches it: %s',
    async (host) => {
      await publish({ OTEL_EXPORTER_PROMETHEUS_HOST: host });
      expect(at.lines).toEqual([]);
    },
  );

  it.each(['0.0.0.0', '::', '::ffff:0.0.0.0'])(
    'says what others may see where they reach it: %s',
    async (host) => {
      await publish({ OTEL_EXPORTER_PROMETHEUS_HOST: host });
      expect(at.lines).toEqual([
        expect.stringMatching(
          /^http:\S+ may be reached from other machines, .*OTEL_EXPORTER_PROMETHEUS_HOST/,
        ),
      ]);
    },
  );

  it('says what is still open where they are asked for a token', async () => {
    const everywhere = { address: { host: '0.0.0.0', port: 0 }, token: 'a-token-of-some-length' };
    const publisher = await publish({}, { access: everywhere });
    expect(at.lines).toEqual([expect.stringMatching(/ may be reached from other machines, without TLS: /)]);
    const url = publisher.endpoints[0]!.replace('0.0.0.0', '127.0.0.1');
    expect((await fetch(url)).status).toBe(401);
    const authorization = `Bearer ${everywhere.token}`;
    expect((await fetch(url, { headers: { authorization } })).status).toBe(200);
  });

  it.each([
    ['--listen', { address: { host: '127.0.0.1', port: 0 } }],
    ['--token-file', { token: 'a-token-of-some-length' }],
    ['--web.config.file', { users: new Map([['prometheus', 'a hash']]) }],
  ])('is where %s asks for it or nowhere', async (option, access) => {
    await expect(publish({ OTEL_METRICS_EXPORTER: 'none' }, { access })).rejects.toThrow(
      `${option} needs prometheus in OTEL_METRICS_EXPORTER`,
    );
  });

  it('is gone once it is closed', async () => {
    const publisher = await publish({});
    await publisher.close(10_000);
    await expect(fetch(publisher.endpoints[0]!)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  it('names the address and what to do when the port is in use', async () => {
    const taken = new URL(at.receiver.endpoint).port;
    const failure = publish({ OTEL_EXPORTER_PROMETHEUS_PORT: taken });
    await expect(failure).rejects.toBeInstanceOf(EnergyError);
    await expect(failure).rejects.toMatchObject({
      code: 'EADDRINUSE',
      exitCode: 2,
      message: `cannot serve metrics on 127.0.0.1:${taken}: the port is in use, set OTEL_EXPORTER_PROMETHEUS_PORT or --listen to a free one`,
    });
  });

  it('names the option alone where that says which port', async () => {
    const port = Number(new URL(at.receiver.endpoint).port);
    const failure = publish({}, { access: { address: { host: '127.0.0.1', port } } });
    await expect(failure).rejects.toMatchObject({
      exitCode: 2,
      message: `cannot serve metrics on 127.0.0.1:${port}: the port is in use, set --listen to a free one`,
    });
  });

  it('says that an address is none of this machine', async () => {
    await expect(publish({ OTEL_EXPORTER_PROMETHEUS_HOST: '192.0.2.1' })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        /^cannot serve metrics on 192\.0\.2\.1:0: EADDRNOTAVAIL, set OTEL_EXPORTER_PROM/,
      ),
    });
  });
});
