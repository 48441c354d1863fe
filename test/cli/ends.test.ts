// SPDX-License-Identifier: Apache-2.0
// Ends that nobody asked for by Ctrl-C: a reader or a terminal that goes away, and a terminal that is stopped.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { JOULES, type Running, snapshots, startJoules } from '../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../support/kernel.ts';
import { type OtlpReceiver, startOtlpReceiver } from '../support/otlp-receiver.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { describeInTerminal, TerminalStage } from '../support/terminal.ts';

const MEASURED = ['--interval', '0.1', '--socket-dir', 'none', '--source'];

describeOnKernel('an end that costs no Joule', () => {
  let receiver: OtlpReceiver;
  beforeEach(async () => (receiver = await startOtlpReceiver()));
  afterEach(() => receiver.close());

  /** An agent that has measured, and has pushed nothing yet. */
  async function begun(): Promise<Running> {
    const agent = startJoules(['agent', '--json', ...MEASURED, TSC], {
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_METRIC_EXPORT_INTERVAL: '3600000',
    });
    await waitFor('the first line', () => agent.output().stdout.includes('\n') || undefined);
    expect(receiver.requests).toEqual([]);
    return agent;
  }

  function expectPushed(): void {
    const points = receiver.requests.flatMap((request) => request.points);
    const counted = points.filter(({ name }) => name === 'hw.energy');
    expect(counted.reduce((all, { value }) => all + value, 0)).toBeGreaterThan(0);
  }

  it('is that of an agent whose lines are read no longer', async () => {
    await using agent = await begun();
    agent.child.stdout!.destroy();
    expect(await agent.ended).toBe(0);
    expect(agent.output().stderr.match(/nobody reads stdout any more \(EPIPE\): stopping/g)).toHaveLength(1);
    expectPushed();
  });

  it('is that of an agent whose terminal goes away', async () => {
    await using agent = await begun();
    expect(await agent.stop('SIGHUP')).toMatchObject({ status: 0 });
    expectPushed();
  });

  it('is that of a recording whose terminal goes away', async () => {
    const path = join(temporaryDirectory(), 'kept.jsonl.br');
    await using recorder = startJoules(['record', '--source', TSC, '--interval', '0.1', '-o', path]);
    await waitFor('the file', () => existsSync(path) || undefined);
    expect(await recorder.stop('SIGHUP')).toMatchObject({ status: 0 });
    expect(recorder.output().stderr).toMatch(/\d+ snapshots? in /);
    const shown = spawnSync(process.execPath, [JOULES, 'top', '--replay', path, '--json'], {
      encoding: 'utf8',
    });
    expect(snapshots(shown.stdout).length).toBeGreaterThan(0);
  });
});

describeOnKernel('the exit status of what is printed to nobody', () => {
  /** With a pipe as stdout that is closed at its other end. */
  const status = (...args: string[]): string => {
    const script = 'exec 3>&1; { sleep 0.1; "$@"; echo $? >&3; } | :';
    return spawnSync('sh', ['-c', script, '-', process.execPath, JOULES, ...args], {
      encoding: 'utf8',
    }).stdout.trim();
  };

  it('is that of the command', () => {
    expect(status('stat', '--json', '--source', TSC, 'sh', '-c', 'exit 7')).toBe('7');
  });
});

describeInTerminal('an agent on a terminal that is stopped (Ctrl-S)', () => {
  it.each(['--json', '--names'])('goes on measuring for others with %s, and ends', async (option) => {
    const socketPath = join(temporaryDirectory(), 'page');
    await using stage = new TerminalStage(100, 24, { OTEL_METRICS_EXPORTER: 'prometheus' });
    const args = ['agent', ...MEASURED, `'${TSC}'`, option, '--listen', `unix:${socketPath}`];
    stage.run(`'${process.execPath}' '${JOULES}' ${args.join(' ')}; printf '\\n%s\\n' "back $?"`);
    const switches = async (): Promise<number> => {
      const [response] = (await once(get({ socketPath, path: '/metrics' }), 'response')) as [IncomingMessage];
      return Number(/^energy_agent_switches_total\S* ([\d.e+]+)/m.exec(await text(response))?.[1] ?? 0);
    };
    const further = async (than: number): Promise<number> =>
      waitFor('figures', async () => {
        const now = await switches();
        return now > than ? now : undefined;
      });
    await waitFor('the page', () => existsSync(socketPath) || undefined);
    let seen = await further(0);
    stage.press('C-s');
    // Each takes an interval more: the first ones may have ended before the terminal was stopped.
    for (let left = 5; left > 0; left--) seen = await further(seen);
    // Its end waits for no terminal, either.
    const agent = execFileSync('pgrep', ['-P', stage.told('pane_pid')], { encoding: 'utf8' }).trim();
    process.kill(Number(agent), 'SIGTERM');
    await waitFor('its end', () => (existsSync(`/proc/${agent}`) ? undefined : true));
    stage.press('C-q');
    expect(await stage.shows(/^back \d+$/m)).toContain('back 0');
  });
});
