// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asMetrics, BackEnd } from '../support/back-end.ts';
import { snapshots, startJoules } from '../support/joules.ts';
import { describeOnKernel, Load, TSC, waitFor } from '../support/kernel.ts';
import { type OtlpReceiver, type ReceivedPoint, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Viewer } from '../support/viewer.ts';

const sum = (points: readonly ReceivedPoint[], name: string): number =>
  points.filter((point) => point.name === name).reduce((total, { value }) => total + value, 0);

/** Every point of energy is well-formed. */
function expectWellFormed(points: readonly ReceivedPoint[]): void {
  for (const point of points) {
    expect(point.monotonic).toBe(true);
    expect(point.temporality).toBe('cumulative');
    expect(point.start).toBeLessThan(point.end);
    if (!point.name.startsWith('energy.agent.')) {
      expect(point.unit).toBe('J');
      expect(point.attributes).toMatchObject({ 'hw.type': 'cpu', 'energy.source.kind': 'measured' });
    }
  }
}

/** What a back end counts closes: raw sums need not, since series end. */
function expectClosed(backEnd: BackEnd): void {
  const counted = backEnd.increase('hw.energy');
  const processes = backEnd.increase('process.energy');
  const whole = processes + backEnd.increase('energy.unattributed');
  expect(Math.abs(whole - counted)).toBeLessThan(counted * 1e-6);
  expect(Math.abs(backEnd.increase('cgroup.energy') - processes)).toBeLessThan(counted * 1e-6);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describeOnKernel('joules agent', () => {
  let receiver: OtlpReceiver;
  beforeEach(async () => (receiver = await startOtlpReceiver()));
  afterEach(() => receiver.close());

  const pushing = (): Record<string, string> => ({
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  });

  it('pushes a ledger that closes in what back ends count, at every export', async () => {
    await using load = new Load();
    load.start('sh', '-c', 'while :; do /bin/true; /bin/sleep 0.01; done');
    await using agent = startJoules(['agent', '--source', TSC, '--interval', '0.4'], pushing());
    const exports = (await receiver.answered(5)).filter(({ points }) => points.length > 0);
    const before = exports.length;
    const { status, ms } = await agent.stop('SIGINT');
    expect(status).toBe(0);
    expect(ms).toBeLessThan(5000);
    const all = receiver.requests.filter(({ points }) => points.length > 0);
    // The last flush.
    expect(all.length).toBeGreaterThan(before);
    const backEnd = new BackEnd();
    for (const { points } of all) {
      expectWellFormed(points);
      backEnd.take(asMetrics(points));
      expectClosed(backEnd);
    }
    expect(backEnd.increase('hw.energy')).toBeGreaterThan(0);
    expect(backEnd.increase('process.energy', { 'process.executable.name': 'true' })).toBeGreaterThan(0);
    const last = all.at(-1)!.points;
    expect(sum(last, 'energy.agent.energy')).toBeGreaterThan(0);
    expect(sum(last, 'energy.agent.switches')).toBeGreaterThan(100);
    expect(last[0]!.resource).toMatchObject({ 'service.name': 'otel-ebpf-energy' });
  });

  it('ends within 5 s though its receiver is dead, and says so once', async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    await using agent = startJoules(['agent', '--source', TSC, '--interval', '0.3'], {
      ...pushing(),
      OTEL_EXPORTER_OTLP_ENDPOINT: dead,
    });
    await waitFor('the start', () => (agent.output().stderr.includes('publishing at') ? true : undefined));
    await sleep(2500);
    const { status, ms } = await agent.stop('SIGTERM');
    expect(status).toBe(0);
    expect(ms).toBeLessThan(5000);
    expect(agent.output().stderr).toMatch(/was not sent|cannot send/);
    expect(agent.output().stderr).not.toMatch(/^\s+at /m);
  });

  it('serves Prometheus on loopback when nothing is configured, and pushes nowhere', async () => {
    const port = await freePort();
    await using agent = startJoules(['agent', '--source', TSC, '--interval', '0.3'], {
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    });
    const url = `http://127.0.0.1:${port}/metrics`;
    await waitFor('the endpoint', () => (agent.output().stderr.includes(url) ? true : undefined));
    await sleep(1000);
    await (await fetch(url)).text();
    const page = await (await fetch(url)).text();
    expect(page).toMatch(/^process_energy_joules_total\{.*process_executable_name="/m);
    expect(page).toMatch(/^hw_energy_joules_total\{hw_id="cpu:0",hw_name="cpu 0",hw_type="cpu"/m);
    const total = (name: string): number =>
      [...page.matchAll(new RegExp(`^${name}_joules_total\\{.*\\} ([\\d.e+-]+)`, 'gm'))].reduce(
        (joules, match) => joules + Number(match[1]),
        0,
      );
    const counted = total('hw_energy');
    const closing = total('process_energy') + total('energy_unattributed') - counted;
    expect(Math.abs(closing)).toBeLessThan(counted * 1e-6);
    // The page for people is beside it, and said once.
    const { stderr } = agent.output();
    expect(stderr.split(`http://127.0.0.1:${port}/\n`)).toHaveLength(2);
    const html = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(html).toContain('<title>joules</title>');
    await using viewer = await new Viewer(`http://127.0.0.1:${port}`).live();
    await viewer.frames(2);
    const shown = viewer.store.shown(undefined)!;
    expect(viewer.store.hello!.source).toMatchObject({ kind: 'measured', name: 'perf:msr/tsc/' });
    expect(shown.total).toBeGreaterThan(0);
    expect([...shown.rows.values()].reduce((all, { energy }) => all + energy, 0)).toBe(shown.ledger.process);
    expect((await agent.stop('SIGINT')).status).toBe(0);
    expect(receiver.requests).toHaveLength(0);
    // What happens is said, and not that it goes on happening: there were several intervals, and two scrapes.
    const said = agent.output().stderr.trimEnd().split('\n');
    for (const words of [/: first figures: /, /: metrics are read for the first time, by 127\.0\.0\.1$/])
      expect(said.filter((line) => words.test(line))).toHaveLength(1);
    expect(said.at(-1)).toMatch(/^joules: stopped after .* J in \d+ intervals?$/);
    expect(said.length).toBeLessThan(9);
  });

  it('says once that estimates are estimates, in words that are not said twice', async () => {
    await using agent = startJoules(['agent', '--json', '--interval', '0.2'], {
      OTEL_METRICS_EXPORTER: 'none',
    });
    await waitFor('a snapshot', () => (agent.output().stdout.includes('\n') ? true : undefined));
    await agent.stop('SIGINT');
    const { stdout, stderr } = agent.output();
    expect(snapshots(stdout)[0]!.source.kind).toBe('estimated');
    expect(stderr).toMatch(/^joules: source estimated \(scope cpu\)$/m);
    expect(stderr).toMatch(/^joules: these are ESTIMATES.* W per CPU, times CPU time$/m);
    expect(stderr).not.toMatch(/estimated.*\(estimated/);
    expect(stderr).toMatch(/^joules: publishing nowhere/m);
  });

  it('takes its settings from a file, and from the command line before it', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'agent.yaml');
    writeFileSync(
      file,
      'source: estimated\nwatts_idle: 3\nwatts_busy: 3\ninterval: 60\nlimits: {processes: 10}\n',
    );
    await using agent = startJoules(['agent', '--json', '--config', file, '--interval', '0.2'], {
      OTEL_METRICS_EXPORTER: 'none',
    });
    await waitFor('two snapshots', () => (agent.output().stdout.split('\n').length > 2 ? true : undefined));
    await agent.stop('SIGINT');
    const { totals, interval_s, cores, self } = snapshots(agent.output().stdout)[1]!;
    const cpus = cores.flatMap((core) => core.cpus).length;
    expect(totals.counter_j / interval_s / cpus).toBeCloseTo(3, 1);
    expect(self.series).toBeGreaterThan(0);
  });
});
