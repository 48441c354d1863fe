// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../../src/errors.ts';
import type { LedgerReading } from '../../src/ledger.ts';
import { startPublishing, type Publisher, type PublishOptions } from '../../src/otel/publish.ts';
import { publishSettings } from '../../src/otel/settings.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedPoint } from '../support/otlp-receiver.ts';

const START = Date.UTC(2026, 0, 1);
/** Longer than any test: what waits for this has failed. */
const NEVER_MS = '600000';

/** A ledger that grows by an interval at every reading, and closes. */
function growingLedger(): () => LedgerReading {
  let n = 0;
  return () => {
    n++;
    const process = (
      pid: number | null,
      executable: string,
      joules: number,
    ): LedgerReading['processes'][0] => ({
      pid,
      creationTime: pid === null ? null : '2026-01-01T00:00:00.000Z',
      executable,
      containerId: pid === 1 ? 'c0ffee' : null,
      joules,
      since: START,
    });
    // Process 2 ends after the second interval with 0.2 J.
    const second = n <= 2 ? process(2, 'sh', n * 0.1) : process(null, 'sh', 0.2);
    const busy = n * 0.7 + Math.min(n, 2) * 0.1;
    const unattributed = (['idle', 'gap', 'lost', 'shared'] as const).map((reason, i) => ({
      hardwareId: 'package:0',
      reason,
      joules: n * i * 0.3,
      since: START,
    }));
    return {
      kind: 'measured',
      domain: 'cpu',
      time: START + n * 1000,
      hardware: [{ id: 'package:0', joules: busy + n * 1.8, since: START }],
      processes: [process(1, 'node', n * 0.7), second],
      cgroups: [{ path: '/', joules: busy, since: START }],
      containers: [
        { containerId: 'c0ffee', runtime: null, podUid: null, names: {}, joules: n * 0.7, since: START },
      ],
      unattributed,
      self: { since: START, switches: n, lost: 0, rebinds: 0, cpuTimeSeconds: n * 0.01, joules: n * 0.02 },
    };
  };
}

function total(points: readonly ReceivedPoint[], name: string): number {
  return points.reduce((sum, point) => (point.name === name ? sum + point.value : sum), 0);
}

const identity = ({ name, attributes }: ReceivedPoint): string => name + JSON.stringify(attributes);

let receiver: OtlpReceiver;
let publishers: Publisher[] = [];
let lines: string[] = [];
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')),
);

beforeEach(async () => {
  process.env = { ...inherited };
  receiver = await startOtlpReceiver();
  lines = [];
});

afterEach(async () => {
  // Lets go what a test has left unanswered, and takes the last push of what it has left running.
  receiver.answerWith(200);
  await Promise.all(publishers.map((publisher) => publisher.close(10_000)));
  await receiver.close();
  publishers = [];
});

/** Publishes as the agent does, on a free port, with `variables` as the only ones of OpenTelemetry. */
async function publish(
  variables: Readonly<Record<string, string>>,
  options: Partial<PublishOptions> = {},
): Promise<Publisher> {
  // The exporters read the environment of the process.
  Object.assign(process.env, { OTEL_EXPORTER_PROMETHEUS_PORT: '0', ...variables });
  const publisher = await startPublishing({
    reader: growingLedger,
    env: process.env,
    log: (line) => lines.push(line),
    ...options,
  });
  publishers.push(publisher);
  return publisher;
}

const pushing = (more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
  OTEL_METRICS_EXPORTER: 'otlp',
  OTEL_METRIC_EXPORT_INTERVAL: NEVER_MS,
  ...more,
});

describe('pushing by OTLP', () => {
  it('exports a ledger that closes every interval, as growing sums in Joules', async () => {
    await publish(pushing({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_METRIC_EXPORT_INTERVAL: '100' }));
    const exports = await receiver.answered(3);
    const last = new Map<string, ReceivedPoint>();
    for (const { headers, points } of exports) {
      expect(headers['content-type']).toBe('application/json');
      const counted = total(points, 'hw.energy');
      const used = total(points, 'process.energy');
      expect(Math.abs(used + total(points, 'energy.unattributed') - counted)).toBeLessThan(1e-6 * counted);
      expect(Math.abs(used - total(points, 'cgroup.energy'))).toBeLessThan(1e-6 * counted);
      for (const point of points) {
        expect(point).toMatchObject({ monotonic: true, temporality: 'cumulative' });
        expect(point.unit).toBe(
          {
            'energy.agent.switches': '{switch}',
            'energy.agent.lost': '{event}',
            'energy.agent.rebinds': '{rebind}',
            'energy.agent.cpu.time': 's',
          }[point.name] ?? 'J',
        );
        expect(point.start).toBeLessThan(point.end);
        const before = last.get(identity(point));
        if (before) {
          expect(point.value).toBeGreaterThanOrEqual(before.value);
          expect(point.start).toBe(before.start);
          expect(point.end).toBeGreaterThan(before.end);
        }
        last.set(identity(point), point);
      }
    }
    expect(last.size).toBeGreaterThan(10);
  });

  it('speaks protobuf unless told otherwise', async () => {
    const publisher = await publish(pushing());
    await publisher.flush(10_000);
    const [request] = await receiver.answered(1);
    expect(request!.headers['content-type']).toBe('application/x-protobuf');
    const [hardware] = request!.points;
    expect(hardware).toMatchObject({
      name: 'hw.energy',
      unit: 'J',
      temporality: 'cumulative',
      monotonic: true,
      attributes: { 'hw.id': 'package:0', 'hw.type': 'cpu', 'energy.source.kind': 'measured' },
      start: BigInt(START) * 1_000_000n,
      end: BigInt(START + 1000) * 1_000_000n,
    });
    expect(hardware!.value).toBeCloseTo(2.6, 9);
  });

  it('takes headers and compression from the environment', async () => {
    const publisher = await publish(
      pushing({ OTEL_EXPORTER_OTLP_HEADERS: 'api-key=s3cret', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }),
    );
    await publisher.flush(10_000);
    const [request] = await receiver.answered(1);
    expect(request!.headers).toMatchObject({ 'content-encoding': 'gzip', 'api-key': 's3cret' });
    expect(total(request!.points, 'hw.energy')).toBeCloseTo(2.6, 9);
  });

  it('describes the agent and its host, and lets the user have the last word', async () => {
    const publisher = await publish(
      pushing({ OTEL_SERVICE_NAME: 'rack-7', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=lab' }),
      { resourceAttributes: { 'service.name': 'overruled', 'k8s.node.name': 'node-1' } },
    );
    await publisher.flush(10_000);
    const [request] = await receiver.answered(1);
    expect(request!.points[0]!.resource).toMatchObject({
      'service.name': 'rack-7',
      'service.version': require('../../package.json').version,
      'host.name': require('node:os').hostname(),
      'os.type': 'linux',
      'deployment.environment.name': 'lab',
      'k8s.node.name': 'node-1',
    });
  });

  it('says nothing before the first interval', async () => {
    const publisher = await publish(pushing(), { reader: () => () => undefined });
    await publisher.flush(10_000);
    await publisher.close(10_000);
    expect(receiver.requests).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('sends differences that add up to the sums where delta is preferred, refusals and ended processes included', async () => {
    const publisher = await publish(pushing({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta' }));
    for (const status of [200, 400, 200, 200]) {
      receiver.answerWith(status);
      await publisher.flush(10_000);
    }
    const points = (await receiver.answered(3)).flatMap((request) => request.points);
    expect(new Set(points.map((point) => point.temporality))).toEqual(new Set(['delta']));
    const { hardware, processes, unattributed } = Array.from({ length: 4 }, growingLedger())[3]!;
    const sum = (series: readonly { joules: number }[]): number =>
      series.reduce((all, one) => all + one.joules, 0);
    expect(total(points, 'hw.energy')).toBeCloseTo(sum(hardware), 9);
    expect(total(points, 'process.energy')).toBeCloseTo(sum(processes), 9);
    expect(total(points, 'energy.unattributed')).toBeCloseTo(sum(unattributed), 9);
  });

  it('leaves sums cumulative where lowmemory is preferred', async () => {
    const publisher = await publish(
      pushing({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'lowmemory' }),
    );
    await publisher.flush(10_000);
    const [request] = await receiver.answered(1);
    expect(new Set(request!.points.map((point) => point.temporality))).toEqual(new Set(['cumulative']));
  });

  it('tells of an outage once when it begins and once when it ends, and keeps the energy', async () => {
    const publisher = await publish(pushing());
    receiver.answerWith(400);
    for (let i = 0; i < 3; i++) await publisher.flush(10_000);
    receiver.answerWith(200);
    for (let i = 0; i < 2; i++) await publisher.flush(10_000);
    const url = `${receiver.endpoint}/v1/metrics`;
    expect(lines).toEqual([
      `cannot send metrics to ${url} (HTTP 400 Bad Request): while the agent runs, energy is kept and sent when it answers`,
      `sending metrics to ${url} again`,
    ]);
    const [first] = await receiver.answered(1);
    expect(total(first!.points, 'hw.energy')).toBeCloseTo(4 * 2.5 + 0.2, 9);
  });

  it('goes on without a receiver, and names what is wrong', async () => {
    const { endpoint } = receiver;
    const variables = pushing({ OTEL_EXPORTER_OTLP_TIMEOUT: '500' });
    await receiver.close();
    receiver = await startOtlpReceiver();
    const publisher = await publish(variables);
    await publisher.flush(10_000);
    expect(lines).toEqual([
      expect.stringContaining(`cannot send metrics to ${endpoint}/v1/metrics (ECONNREFUSED)`),
    ]);
  });

  it('stops in the time it is given though the receiver never answers', async () => {
    const publisher = await publish(
      pushing({ OTEL_METRIC_EXPORT_TIMEOUT: NEVER_MS, OTEL_EXPORTER_OTLP_TIMEOUT: NEVER_MS }),
    );
    receiver.answerWith(null);
    await publisher.flush(200);
    await publisher.close(200);
    expect(lines).toEqual(['no answer within 200 ms: the energy since the last export was not sent']);
    expect(receiver.waiting()).toBe(1);
    expect(receiver.requests).toEqual([]);
  });

  it('logs what the OpenTelemetry libraries say at the level asked for, a line each', async () => {
    const publisher = await publish(pushing({ OTEL_LOG_LEVEL: 'DEBUG' }));
    await publisher.flush(10_000);
    expect(lines).toContainEqual(expect.stringMatching(/^opentelemetry: .*items to be sent.*hw\.energy/));
    expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
  });

  it('pushes a last time when it stops', async () => {
    const publisher = await publish(pushing());
    await publisher.close(10_000);
    expect(receiver.requests).toHaveLength(1);
  });
});

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
    expect(page).toMatch(/^process_energy_joules_total\{process_pid="1",.*container_id="c0ffee".*\} 0\.7$/m);
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

  it('leaves other paths to a dashboard', async () => {
    const [url] = (
      await publish({}, { otherwise: (request, response) => response.end(`page ${request.url}`) })
    ).endpoints;
    expect(await (await fetch(new URL('/style.css', url))).text()).toBe('page /style.css');
    expect(await (await fetch(url!)).text()).toContain('hw_energy_joules_total');
  });

  it('is gone once it is closed', async () => {
    const publisher = await publish({});
    await publisher.close(10_000);
    await expect(fetch(publisher.endpoints[0]!)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
  });

  it('names the address and the remedy when the port is in use', async () => {
    const taken = new URL(receiver.endpoint).port;
    const failure = publish({ OTEL_EXPORTER_PROMETHEUS_PORT: taken });
    await expect(failure).rejects.toBeInstanceOf(EnergyError);
    await expect(failure).rejects.toMatchObject({
      code: 'EADDRINUSE',
      exitCode: 2,
      message: `cannot serve metrics on 127.0.0.1:${taken}: the port is in use, set OTEL_EXPORTER_PROMETHEUS_PORT to a free one`,
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

describe('where metrics go', () => {
  const endpoint = 'http://collector:4318';
  const url = 'http://collector:4318/v1/metrics';
  const local = { host: '127.0.0.1', port: 9464 };

  it.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, { otlp: { url }, prometheus: local, console: false }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/base/` }, { otlp: { url: `${endpoint}/base/v1/metrics` } }],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${endpoint}/x` },
      { otlp: { url: `${endpoint}/x` }, prometheus: local },
    ],
    [
      { OTEL_METRICS_EXPORTER: 'otlp' },
      { otlp: { url: 'http://localhost:4318/v1/metrics' }, prometheus: undefined },
    ],
    [
      { OTEL_METRICS_EXPORTER: 'Prometheus , console' },
      { otlp: undefined, prometheus: local, console: true },
    ],
    [
      { OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      { otlp: undefined, prometheus: undefined, console: false },
    ],
    [
      { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
      { otlp: undefined, prometheus: undefined, console: false },
    ],
    [
      { OTEL_METRICS_EXPORTER: ' ', OTEL_EXPORTER_OTLP_ENDPOINT: '' },
      { otlp: undefined, prometheus: local },
    ],
    [{ OTEL_METRIC_EXPORT_INTERVAL: '5000' }, { intervalMs: 5000, timeoutMs: 5000 }],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, { otlp: undefined }],
  ])('is %j → %j', (env, expected) => {
    expect(publishSettings(env)).toMatchObject(expected);
  });

  it('prefers the variable of metrics to the one of all signals', () => {
    const settings = publishSettings({
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/json',
    });
    expect(settings.otlp?.protocol).toBe('http/json');
  });

  it('keeps user, password and query of a URL to itself', async () => {
    const { endpoints } = await publish({
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://me:secret@${new URL(receiver.endpoint).host}/v1/metrics?key=secret`,
    });
    expect(endpoints).toEqual([`${receiver.endpoint}/v1/metrics`]);
  });

  it.each([
    [
      { OTEL_METRICS_EXPORTER: 'otlp,zipkin' },
      'OTEL_METRICS_EXPORTER cannot be zipkin: use otlp, prometheus, console, none',
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      'OTEL_EXPORTER_OTLP_PROTOCOL cannot be grpc: use http/protobuf, http/json',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// URL: collector:4318',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://:1' },
      'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is no http:// or https:// URL: http://:1',
    ],
    [
      { OTEL_EXPORTER_OTLP_COMPRESSION: 'zip' },
      'OTEL_EXPORTER_OTLP_COMPRESSION cannot be zip: use gzip, none',
    ],
    [
      { OTEL_EXPORTER_OTLP_TIMEOUT: '10s' },
      'OTEL_EXPORTER_OTLP_TIMEOUT cannot be 10s: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '0' },
      'OTEL_METRIC_EXPORT_INTERVAL cannot be 0: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: '3000000000' },
      'OTEL_METRIC_EXPORT_INTERVAL cannot be 3000000000: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_METRIC_EXPORT_TIMEOUT: '-1' },
      'OTEL_METRIC_EXPORT_TIMEOUT cannot be -1: use a whole number from 1 to 2147483647',
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'diff' },
      'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE cannot be diff: use cumulative, delta, lowmemory',
    ],
    [
      { OTEL_LOG_LEVEL: 'loud' },
      'OTEL_LOG_LEVEL cannot be loud: use none, error, warn, info, debug, verbose, all',
    ],
    [
      { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '65536' },
      'OTEL_EXPORTER_PROMETHEUS_PORT cannot be 65536: use a whole number from 0 to 65535',
    ],
  ])('refuses %j in one sentence', (env, message) => {
    const settings = (): unknown => publishSettings({ OTEL_METRICS_EXPORTER: 'otlp', ...env });
    expect(settings).toThrow(EnergyError);
    expect(settings).toThrow(expect.objectContaining({ message, exitCode: 2 }));
  });
});
