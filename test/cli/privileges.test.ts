// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { maskOf } from '../../src/host/capabilities.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { JOULES, joules, snapshots, startJoules } from '../support/joules.ts';
import { describeOnKernel, Load, TSC, waitFor } from '../support/kernel.ts';
import {
  asNobody,
  describeForNobody,
  describeWithKernelThread,
  longNamed,
  only,
  parseThread,
  threadsOf,
} from '../support/privileges.ts';

const ALL_DONE = 'privileges kept';

describeOnKernel('joules as root', () => {
  it('keeps of the agent two capabilities in every thread, and names and measures with them', async () => {
    await using load = new Load();
    const name = 'a-program-of-another-user';
    longNamed(load, name, 'setpriv', ...asNobody());
    await using agent = startJoules(['agent', '--json', '--source', TSC, '--interval', '0.3'], {
      OTEL_METRICS_EXPORTER: 'none',
    });
    await waitFor('the start', () => (agent.output().stderr.includes(ALL_DONE) ? true : undefined));
    expect(agent.output().stderr).toMatch(/^joules: privileges kept: CAP_PERFMON, CAP_SYS_PTRACE$/m);
    await waitFor('the name', () => (agent.output().stdout.includes(name) ? true : undefined));
    const threads = threadsOf(agent.child.pid!);
    // V8's workers, libuv's pool, the debugger's and our own.
    expect(threads.length).toBeGreaterThan(8);
    for (const thread of threads) expect(thread).toMatchObject(only('CAP_PERFMON', 'CAP_SYS_PTRACE'));
    expect((await agent.stop('SIGTERM')).status).toBe(0);
  });

  it('lets nobody in with a debugger when it is sent SIGUSR1', async () => {
    await using agent = startJoules(['agent', '--json', '--source', TSC, '--interval', '0.3'], {
      OTEL_METRICS_EXPORTER: 'none',
    });
    await waitFor('the start', () => (agent.output().stderr.includes(ALL_DONE) ? true : undefined));
    agent.child.kill('SIGUSR1');
    const seen = agent.output().stdout.length;
    await waitFor('two more snapshots', () =>
      agent.output().stdout.slice(seen).split('\n').length > 3 ? true : undefined,
    );
    expect(agent.output().stderr).not.toMatch(/debugger/i);
  });

  it('keeps of top what names need, of an estimate', async () => {
    await using top = startJoules(['top', '--json', '--source', 'estimated', '--interval', '0.3']);
    await waitFor('a snapshot', () => (top.output().stdout.includes('\n') ? true : undefined));
    for (const thread of threadsOf(top.child.pid!)) expect(thread).toMatchObject(only('CAP_SYS_PTRACE'));
  });
});

describeWithKernelThread('to go on with a thread that takes no signal', () => {
  it('is refused, with what to do about it', () => {
    const run = joules(['top', '--count', '1', '--source', TSC], { UV_USE_IO_URING: '1' });
    expect(run).toMatchObject({ status: 3, stdout: '' });
    expect(run.stderr).toMatch(
      /^joules: cannot drop privileges \(ETIMEDOUT\): [^\n]*UV_USE_IO_URING[^\n]*\n$/,
    );
  });
});

describeOnKernel('the command of joules stat', () => {
  it('has the privileges of whoever runs it, while stat itself has given its own up', async () => {
    await using stat = startJoules([
      'stat',
      '--source',
      TSC,
      '--',
      'sh',
      '-c',
      'cat /proc/self/status; exec sleep 600',
    ]);
    await waitFor('its privileges', () => (stat.output().stdout.includes('NoNewPrivs') ? true : undefined));
    const [own] = threadsOf(process.pid);
    const command = parseThread(stat.output().stdout);
    expect(command).toMatchObject({ effective: own!.effective, bounding: own!.bounding, noNewPrivs: 0 });
    await waitFor('the drop', () =>
      threadsOf(stat.child.pid!).every(({ noNewPrivs }) => noNewPrivs === 1) ? true : undefined,
    );
    for (const thread of threadsOf(stat.child.pid!))
      expect(thread).toMatchObject(only('CAP_PERFMON', 'CAP_KILL'));
    await stat.stop('SIGTERM');
  });

  it('has no ambient capability of ours', () => {
    const setpriv = asNobody('bpf', 'perfmon');
    const { stdout } = spawnSync(
      'setpriv',
      [...setpriv, process.execPath, JOULES, 'stat', '--source', TSC, '--', 'cat', '/proc/self/status'],
      { encoding: 'utf8' },
    );
    expect(parseThread(stdout)).toMatchObject({ ambient: 0n, effective: 0n, permitted: 0n, noNewPrivs: 0 });
  });

  it('gets signals also when it has become another user', async () => {
    const command = ['setpriv', ...asNobody(), 'sh', '-c', 'echo up; exec sleep 600'];
    await using stat = startJoules(['stat', '--source', TSC, '--', ...command]);
    await waitFor('the command', () => (stat.output().stdout === 'up\n' ? true : undefined));
    await waitFor('the drop', () =>
      threadsOf(stat.child.pid!).every(({ noNewPrivs }) => noNewPrivs === 1) ? true : undefined,
    );
    expect((await stat.stop('SIGTERM')).status).toBe(143);
  });
});

describeForNobody('joules as an ordinary user with CAP_BPF and CAP_PERFMON', () => {
  const setpriv = [...asNobody('bpf', 'perfmon'), process.execPath, JOULES];
  const run = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync('setpriv', [...setpriv, ...args], { encoding: 'utf8' });

  it('measures in top, with the names that the kernel keeps', async () => {
    await using load = new Load();
    longNamed(load, 'a-program-of-the-same-user', 'setpriv', ...asNobody());
    longNamed(load, 'the-program-of-root');
    const { status, stdout } = run('top', '--json', '--count', '2', '--source', TSC);
    expect(status).toBe(0);
    const all: Snapshot[] = snapshots(stdout);
    expect(all[1]!.totals.counter_j).toBeGreaterThan(0);
    const executables = all[1]!.processes.map(({ executable }) => executable);
    expect(executables).toContain('a-program-of-the-same-user');
    expect(executables).toContain('the-program-of-root'.slice(0, 15));
  });

  it('measures in the agent, and keeps CAP_PERFMON alone', async () => {
    const child = spawn('setpriv', [...setpriv, 'agent', '--json', '--source', TSC, '--interval', '0.3'], {
      env: { ...process.env, OTEL_METRICS_EXPORTER: 'none' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      let stdout = '';
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      await waitFor('snapshots', () => (stdout.split('\n').length > 2 ? true : undefined));
      expect((JSON.parse(stdout.split('\n')[1]!) as Snapshot).totals.counter_j).toBeGreaterThan(0);
      for (const thread of threadsOf(child.pid!))
        expect(thread).toMatchObject({
          ...only('CAP_PERFMON'),
          bounding: maskOf(['CAP_BPF', 'CAP_PERFMON']),
        });
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is told once by doctor what is missing', () => {
    const { status, stdout } = run('doctor', '--source', TSC);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\+ privileges +CAP_BPF and CAP_PERFMON$/m);
    expect(stdout.match(/CAP_SYS_PTRACE missing/g)).toHaveLength(1);
    expect(stdout).toMatch(/^ {2}systemd +AmbientCapabilities=/m);
    expect(stdout).toMatch(/^ {2}kept +capabilities that the agent keeps after its start: CAP_PERFMON$/m);
    expect(stdout).toMatch(/^\+ measuring /m);
  });
});
