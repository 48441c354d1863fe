// SPDX-License-Identifier: Apache-2.0
import { Ledger } from '../../src/ledger/ledger.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import { publishSettings } from '../../src/settings/environment.ts';
import { OtlpDestination } from '../../src/otel/otlp.ts';
import { producersOf } from '../../src/otel/producer.ts';
import { startPush } from '../../src/otel/push.ts';
import { emptyResource } from '@opentelemetry/resources';
import { startOtlpReceiver, type ReceivedPoint } from '../support/otlp-receiver.ts';
import { grown, GrowingLedger, HOST, NEVER_MS, setUpPublishing } from '../support/publishing.ts';

const at = setUpPublishing();
const { publish, pushing } = at;

function total(points: readonly ReceivedPoint[], name: string): number {
  return points.reduce((sum, point) => (point.name === name ? sum + point.value : sum), 0);
}

const identity = ({ name, attributes }: ReceivedPoint): string => name + JSON.stringify(attributes);

describe('pushing by OTLP', () => {
  it('exports a ledger that closes every interval, as growing sums in Joules', async () => {
    await publish(pushing({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_METRIC_EXPORT_INTERVAL: '100' }));
    const exports = await at.receiver.answered(3);
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
            'energy.agent.skipped': '{interval}',
            'energy.agent.rebinds': '{rebind}',
            'energy.agent.gaps': '{gap}',
            'energy.agent.resets': '{reset}',
            'energy.agent.wraps': '{wrap}',
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
    const [request] = await at.receiver.answered(1);
    expect(request!.headers['content-type']).toBe('application/x-protobuf');
    // A new series begins at 0.
    const [begun, hardware] = request!.points;
    expect(begun).toMatchObject({ name: 'hw.energy', value: 0, start: hardware!.start });
    expect(hardware!.start).toBeLessThan(hardware!.end);
    expect(hardware).toMatchObject({
      name: 'hw.energy',
      unit: 'J',
      temporality: 'cumulative',
      monotonic: true,
      attributes: { 'hw.id': 'core:0:0', 'hw.type': 'cpu', 'energy.source.kind': 'measured' },
    });
    expect(hardware!.value).toBeCloseTo(grown(1).hardware, 9);
  });

  it('takes headers and compression from the environment', async () => {
    const publisher = await publish(
      pushing({ OTEL_EXPORTER_OTLP_HEADERS: 'api-key=s3cret', OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' }),
    );
    await publisher.flush(10_000);
    const [request] = await at.receiver.answered(1);
    expect(request!.headers).toMatchObject({ 'content-encoding': 'gzip', 'api-key': 's3cret' });
    expect(total(request!.points, 'hw.energy')).toBeCloseTo(grown(1).hardware, 9);
  });

  it('describes the agent and its host, and lets the user have the last word', async () => {
    const publisher = await publish(
      pushing({ OTEL_SERVICE_NAME: 'rack-7', OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=lab' }),
      { resourceAttributes: { ...HOST, 'service.name': 'overruled', 'k8s.node.name': 'node-1' } },
    );
    await publisher.flush(10_000);
    const [request] = await at.receiver.answered(1);
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
    const publisher = await publish(pushing(), {
      producer: producersOf(new Ledger(DEFAULT_LIMITS)),
    });
    await publisher.flush(10_000);
    await publisher.close(10_000);
    expect(at.receiver.requests).toEqual([]);
    expect(at.lines).toEqual([]);
  });

  it('sends differences that add up to the sums where delta is preferred, refusals and ended processes included', async () => {
    const publisher = await publish(pushing({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta' }));
    for (const status of [200, 400, 200, 200]) {
      at.receiver.answerWith(status);
      await publisher.flush(10_000);
    }
    const points = (await at.receiver.answered(3)).flatMap((request) => request.points);
    expect(new Set(points.map((point) => point.temporality))).toEqual(new Set(['delta']));
    const { hardware, processes, unattributed } = grown(4);
    expect(total(points, 'hw.energy')).toBeCloseTo(hardware, 9);
    expect(total(points, 'process.energy')).toBeCloseTo(processes, 9);
    expect(total(points, 'energy.unattributed')).toBeCloseTo(unattributed, 9);
  });

  it('sends again what a refused request held, and nothing else, where a collection takes several', async () => {
    const destination = new OtlpDestination({
      otlp: publishSettings(pushing({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' })).otlp!,
      log: (line) => at.lines.push(line),
      series: 8,
    });
    const push = startPush({
      producer: producersOf(new GrowingLedger())('delta'),
      destination,
      resource: emptyResource(),
      intervalMs: Number(NEVER_MS),
      timeoutMs: 10_000,
    });
    // The first collection is sent in three requests, of which the second is refused.
    let requests = 0;
    at.receiver.answerWith((response) => {
      const status = ++requests === 2 ? 400 : 200;
      response.writeHead(status).end();
      return status;
    });
    await push.flush(10_000);
    expect(at.receiver.requests.map(({ status }) => status)).toEqual([200, 400, 200]);
    await push.flush(10_000);
    await push.close(10_000);

    const points = (await at.receiver.answered(1)).flatMap((request) => request.points);
    const { hardware, processes, unattributed } = grown(3);
    expect(total(points, 'hw.energy')).toBeCloseTo(hardware, 9);
    expect(total(points, 'process.energy')).toBeCloseTo(processes, 9);
    expect(total(points, 'energy.unattributed')).toBeCloseTo(unattributed, 9);
    expect(total(points, 'energy.agent.switches')).toBe(300);
  });

  it('leaves sums cumulative where lowmemory is preferred', async () => {
    const publisher = await publish(
      pushing({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'lowmemory' }),
    );
    await publisher.flush(10_000);
    const [request] = await at.receiver.answered(1);
    expect(new Set(request!.points.map((point) => point.temporality))).toEqual(new Set(['cumulative']));
  });

  it('tells of an outage once when it begins and once when it ends, and keeps the energy', async () => {
    const publisher = await publish(pushing());
    at.receiver.answerWith(400);
    for (let i = 0; i < 3; i++) await publisher.flush(10_000);
    at.receiver.answerWith(200);
    for (let i = 0; i < 2; i++) await publisher.flush(10_000);
    const url = `${at.receiver.endpoint}/v1/metrics`;
    expect(at.lines).toEqual([
      `cannot send metrics to ${url} (HTTP 400 Bad Request): while the agent runs, energy is kept and sent when it answers`,
      `sending metrics to ${url} again`,
    ]);
    const [first] = await at.receiver.answered(1);
    expect(total(first!.points, 'hw.energy')).toBeCloseTo(grown(4).hardware, 9);
  });

  it('goes on without a receiver, and names what is wrong', async () => {
    const { endpoint } = at.receiver;
    const variables = pushing({ OTEL_EXPORTER_OTLP_TIMEOUT: '500' });
    await at.receiver.close();
    at.receiver = await startOtlpReceiver();
    const publisher = await publish(variables);
    await publisher.flush(10_000);
    expect(at.lines).toEqual([
      expect.stringContaining(`cannot send metrics to ${endpoint}/v1/metrics (ECONNREFUSED)`),
    ]);
  });

  it('lets nothing pile up on a console that nobody reads', async () => {
    const written = jest.spyOn(console, 'dir').mockImplementation(() => {});
    const publisher = await publish({ OTEL_METRICS_EXPORTER: 'console' });
    expect(publisher.endpoints).toEqual(['stdout, as JavaScript (console)']);
    await publisher.flush(10_000);
    const { length } = written.mock.calls;
    expect(length).toBeGreaterThan(0);
    Object.defineProperty(process.stdout, 'writableLength', { value: 2 ** 21, configurable: true });
    try {
      await publisher.close(10_000);
    } finally {
      Reflect.deleteProperty(process.stdout, 'writableLength');
    }
    expect(written).toHaveBeenCalledTimes(length);
    expect(at.lines).toEqual(['the energy since the last export was not sent']);
    written.mockRestore();
  });

  it('stops in the time it is given though the receiver never answers', async () => {
    const publisher = await publish(
      pushing({ OTEL_METRIC_EXPORT_TIMEOUT: NEVER_MS, OTEL_EXPORTER_OTLP_TIMEOUT: NEVER_MS }),
    );
    at.receiver.answerWith(null);
    await publisher.flush(200);
    await publisher.close(200);
    expect(at.lines).toEqual(['the energy since the last export was not sent']);
    // What hung was broken off in time for a last export, which got no answer either.
    expect(at.receiver.waiting()).toBe(2);
    expect(at.receiver.requests).toEqual([]);
  });

  it('says at the end why the last export failed, where there was no other before', async () => {
    const { endpoint } = at.receiver;
    await at.receiver.close();
    at.receiver = await startOtlpReceiver();
    const publisher = await publish(pushing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }));
    await publisher.close(500);
    expect(at.lines).toEqual([
      `cannot send metrics to ${endpoint}/v1/metrics (ECONNREFUSED)`,
      'the energy since the last export was not sent',
    ]);
  });

  it.each([
    [
      'OTEL_EXPORTER_OTLP_CERTIFICATE',
      /^OTEL_EXPORTER_OTLP_CERTIFICATE cannot be used .*: give a file of PEM$/,
    ],
    [
      'OTEL_EXPORTER_OTLP_CLIENT_KEY',
      /^OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY cannot be used /,
    ],
  ])('refuses a file of TLS that is none, in %s', async (variable, message) => {
    const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://127.0.0.1:1', [variable]: __filename };
    await expect(publish(pushing(variables))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });

  it('logs what the OpenTelemetry libraries say at the level asked for, a line each', async () => {
    const publisher = await publish(pushing({ OTEL_LOG_LEVEL: 'DEBUG' }));
    await publisher.flush(10_000);
    expect(at.lines).toContainEqual(
      expect.stringMatching(/^opentelemetry: OTLP: \d+ series in \d+ bytes: accepted$/),
    );
    expect(at.lines.filter((line) => line.includes('\n'))).toEqual([]);
  });

  it('pushes a last time when it stops', async () => {
    const publisher = await publish(pushing());
    await publisher.close(10_000);
    expect(at.receiver.requests).toHaveLength(1);
  });

  it('keeps user, password and query of a URL to itself', async () => {
    const { endpoints } = await publish({
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://me:secret@${new URL(at.receiver.endpoint).host}/v1/metrics?key=secret`,
    });
    expect(endpoints).toEqual([`${at.receiver.endpoint}/v1/metrics`]);
  });
});
