// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bootTimeMs, type ProcessKey, readStartTicks } from '../../src/host/procfs.ts';
import { createProcesses, type Process, type Processes } from '../../src/identity/processes.ts';
import { LIFECYCLE } from '../../src/probe/columns.ts';
import { columnsOf, type LifecycleSpec } from '../support/columns.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const NAME = 'a-name-of-more-than-15-characters';
const FIXTURES = join(__dirname, '../fixtures/proc-names');
const program = join(temporaryDirectory(), NAME);
let child: ChildProcess;

interface Row extends ProcessKey {
  readonly comm: string;
}

function createLive(options: { hostProc?: boolean } = {}): Processes {
  return createProcesses({ proc: '/proc', bootTimeMs: bootTimeMs('/proc'), hostProc: true, ...options });
}

/** Names a process in an interval in which it alone was charged. */
function identify(
  processes: Processes,
  { pid, startNs, comm }: Row,
  lifecycle: readonly LifecycleSpec[] = [],
): Process {
  const columns = columnsOf({ rows: [{ cpu: 0, pid, start: startNs, comm, ms: 1 }], lifecycle });
  processes.beginInterval(columns);
  const process = processes.identify(0);
  processes.endInterval();
  return process;
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

/** The child as BPF would see it now. */
function charged(): Row {
  const pid = child.pid!;
  return { pid, startNs: readStartTicks('/proc', pid)! * 1e7 + 123, comm: nameOf(pid) };
}

async function end(): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

beforeAll(() => copyFileSync(realpathSync('/bin/sh'), program));

beforeEach(async () => {
  child = spawn(program, ['-c', `read line; exec '${process.execPath}' -e 'setInterval(() => {}, 1e6)'`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(child, 'spawn');
});

afterEach(end);

describe('a process', () => {
  it('is named by its program while it lives, of which the kernel keeps 15 characters only', () => {
    const row = charged();
    expect(row.comm).toBe(NAME.slice(0, 15));
    expect(identify(createLive(), row)).toMatchObject({ executable: NAME, kernel: false, exited: false });
  });

  it('is named by what is known of it after it has ended', async () => {
    const processes = createLive();
    const row = charged();
    const alive = identify(processes, row);
    await end();
    expect(identify(processes, row, [[LIFECYCLE.exit, row.pid, row.startNs]])).toEqual({
      ...alive,
      exited: true,
    });
  });

  it('is named by what BPF kept if it was never seen alive', async () => {
    const row = charged();
    await end();
    expect(identify(createLive(), row).executable).toBe(row.comm);
  });

  it('is named by what BPF kept where another pid namespace is mounted', () => {
    const row = charged();
    expect(identify(createLive({ hostProc: false }), row).executable).toBe(row.comm);
  });

  it('has not the program of a later one with its pid after it has ended', () => {
    const row = { ...charged(), comm: 'before' };
    const earlier = { ...row, startNs: row.startNs - 1e7 };
    const processes = createLive();
    expect(identify(processes, earlier).executable).toBe('before');
    expect(identify(processes, row).executable).toBe(NAME);
    expect(identify(processes, earlier).executable).toBe('before');
  });

  it('is named anew when it has become another program', async () => {
    const processes = createLive();
    const before = charged();
    expect(identify(processes, before).executable).toBe(NAME);
    child.stdin!.write('\n');
    while (nameOf(before.pid) === before.comm) await new Promise((resolve) => setTimeout(resolve, 5));
    const named = identify(processes, charged());
    expect(named.executable).toBe(basename(realpathSync(process.execPath)));
    expect(named.creationTime).toBe(identify(processes, before).creationTime);
  });

  it('is named by the program it became, though it was charged under its former name', () => {
    const ended = { pid: 2 ** 22 + 1, startNs: 5e7, comm: 'sh' };
    const { pid, startNs } = ended;
    const exec = [LIFECYCLE.exec, pid, startNs, 'true'] as const;
    const processes = createLive();
    expect(identify(processes, ended, [exec, [LIFECYCLE.exit, pid, startNs]])).toMatchObject({
      executable: 'true',
      exited: true,
    });
    // The same moment, or the same pid, does not make it the same process.
    expect(identify(processes, { ...ended, pid: pid + 1 }, [exec])).toMatchObject({ executable: 'sh' });
    expect(identify(processes, { ...ended, startNs: 6e7 }, [exec])).toMatchObject({ executable: 'sh' });
  });

  it('is named by the whole file name of its program though it was never seen alive', () => {
    const ended = { pid: 2 ** 22 + 1, startNs: 5e7, comm: NAME.slice(0, 15) };
    const { pid, startNs, comm } = ended;
    const processes = createLive({ hostProc: false });
    const events = [
      [LIFECYCLE.exec, pid, startNs, comm, NAME],
      [LIFECYCLE.exit, pid, startNs],
    ] as const;
    expect(identify(processes, ended, events)).toMatchObject({ executable: NAME, exited: true });
    // A script, whose own name the kernel keeps, is its interpreter, as it is while it lives.
    const script = { ...ended, startNs: 6e7, comm: 'script.sh' };
    const run = [[LIFECYCLE.exec, pid, 6e7, 'script.sh', 'dash']] as const;
    expect(identify(processes, script, run).executable).toBe('dash');
    // For as long as it keeps that name.
    expect(identify(processes, script).executable).toBe('dash');
    // Another program of the same first 15 characters is another program.
    const again = [[LIFECYCLE.exec, pid, 6e7, 'script.sh', 'bash']] as const;
    expect(identify(processes, script, again).executable).toBe('bash');
  });

  it('keeps its creation time when the meter is restarted', () => {
    const row = charged();
    expect(identify(createLive(), row).creationTime).toBe(identify(createLive(), row).creationTime);
  });
});

describe('a thread of the kernel', () => {
  const fixtures = (hostProc = true): Processes =>
    createProcesses({ proc: FIXTURES, bootTimeMs: bootTimeMs(FIXTURES), hostProc });
  const kthreadd = { pid: 2, startNs: 7e7, comm: 'kthreadd' };

  it('is named by what BPF kept, and known to be one', () => {
    expect(identify(fixtures(), kthreadd)).toMatchObject({
      creationTime: '2023-11-14T22:13:20.070Z',
      executable: 'kthreadd',
      kernel: true,
      exited: false,
    });
  });

  it('is known by its flags, whatever a process calls itself', () => {
    const disguised = { pid: 77, startNs: 4242e7, comm: 'kthreadd' };
    expect(identify(fixtures(), disguised).kernel).toBe(false);
  });

  it('is not known to be one if it was never seen alive', () => {
    expect(identify(fixtures(), { ...kthreadd, startNs: 6e7 }).kernel).toBe(false);
    expect(identify(fixtures(), { ...kthreadd, pid: 3 }).kernel).toBe(false);
    expect(identify(fixtures(false), kthreadd).kernel).toBe(false);
  });

  it('is still known to be one after it has ended', () => {
    const processes = fixtures();
    identify(processes, kthreadd);
    const exit = [LIFECYCLE.exit, kthreadd.pid, kthreadd.startNs] as const;
    expect(identify(processes, kthreadd, [exit])).toMatchObject({ kernel: true, exited: true });
  });
});
