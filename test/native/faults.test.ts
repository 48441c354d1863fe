// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { JOULES } from '../support/joules.ts';
import { describeOnKernel, TSC } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A drain of faults.cc: with the TSC before and after it, and by CPU what its TSC counted. */
interface Drain {
  readonly status: number;
  readonly step: string;
  readonly before: number;
  readonly after: number;
  readonly counts: readonly number[];
  readonly residual: readonly number[];
}

/** A line of steps.cc: the call that was refused, what the probe said, and what was open then and in the end. */
interface Step {
  /** Empty: there was no further call. */
  readonly call: string;
  readonly status: number;
  readonly step: string;
  readonly left: readonly string[];
  /** How a drain ended after that. */
  readonly drained: number;
  readonly closed: readonly string[];
}

const ROOT = join(__dirname, '../..');
const SYSCALLS = { perf_event_open: 298, bpf: 321 } as const; // x86-64

/** The steps of a probe's life, as native/ names them. */
const OPENING = [
  'load the BPF program',
  'map the accounts',
  'map the counters',
  'map the logs of switches',
  'map the logs of updates',
  'map the learned powers',
  'run a BPF program',
  'map the ring of events',
  'start the thread that relieves the kernel',
];
const FURTHER = [
  'open the perf event',
  'read the counter in BPF',
  'run on the CPU of a counter',
  'wait for news of the counters',
  'attach the BPF program',
  'start a thread',
];
const DRAINING = ['swap the buffers of a CPU', 'read the ring of events'];
const LINK = 'anon_inode:bpf_link';

describeOnKernel('when the kernel answers with an error', () => {
  let directory: string;
  let faults: string;
  let steps: string;
  beforeAll(() => {
    directory = temporaryDirectory();
    [faults, steps] = ['faults', 'steps'].map((name) => {
      const program = join(directory, name);
      const libraries = ['build/Release/probe.a', '-l:libbpf.a', '-lelf', '-lz'];
      const options = ['-std=c++17', '-Inative', `test/native/${name}.cc`, '-o', program];
      execFileSync('g++', [...options, ...libraries], { cwd: ROOT });
      return program;
    }) as [string, string];
  });

  it('to a drain that is half done, the next one gives everything once', () => {
    const [first, failed, retried, last] = JSON.parse(
      execFileSync(faults, ['drain'], { encoding: 'utf8' }),
    ) as Drain[] as [Drain, Drain, Drain, Drain];
    expect([first, failed, retried, last].map(({ status }) => status)).toEqual([
      0,
      -constants.errno.ENOMEM,
      0,
      0,
    ]);
    expect(failed.step).toBe('read the overflow maps');
    expect([...retried.residual, ...last.residual].every((counts) => counts === 0)).toBe(true);
    retried.counts.forEach((counts, cpu) => {
      // From the swap of buffers in the first drain to that in the failed one, and to that in the last one.
      expectBetween(counts, failed.before - first.after, failed.after - first.before);
      expectBetween(counts + last.counts[cpu]!, last.before - first.after, last.after - first.before);
    });
  });

  it('to any call of a probe, that says which step failed, and leaves nothing open', () => {
    const lines = execFileSync(steps, { encoding: 'utf8' }).trim().split('\n');
    const all = lines.map((line) => JSON.parse(line) as Step);
    expect(all.at(-1)).toMatchObject({ call: '', status: 0 });
    for (const { closed } of all) expect(closed).toEqual([]);
    // Some calls are tried again, or are not needed.
    const failed = all.filter(({ status }) => status !== 0);
    // The ring of events is mapped only where there are some by then.
    const found = new Set([...failed.map(({ step }) => step), 'read the ring of events']);
    expect(found).toEqual(new Set([...OPENING, ...FURTHER, ...DRAINING]));
    for (const { step, left, drained } of failed) {
      // What cannot be opened is not open; what fails later leaves it open, but not half started.
      const opening = OPENING.includes(step);
      expect({ step, drained }).toEqual({ step, drained: opening ? -constants.errno.EBADF : 0 });
      if (opening) expect({ step, left }).toEqual({ step, left: [] });
      expect({ step, attached: left.includes(LINK) }).toEqual({ step, attached: DRAINING.includes(step) });
    }
  });

  it.each([
    ['bpf', 'EPERM', /^joules: cannot load the BPF program \(EPERM\): .*seccomp profile must allow bpf/],
    [
      'perf_event_open',
      'EPERM',
      /^joules: cannot open the perf event \(EPERM\): .*seccomp profile must allow perf_event_open/,
    ],
    [
      'perf_event_open',
      'EACCES',
      /^joules: cannot open the perf event \(EACCES\): .*CAP_PERFMON and kernel.perf_event_paranoid/,
    ],
  ] as const)('to %s with %s, it is told who may forbid that', (call, error, words) => {
    const refuse = ['exec', String(SYSCALLS[call]), String(constants.errno[error])];
    const { status, stderr } = spawnSync(
      faults,
      [...refuse, process.execPath, JOULES, 'top', '--source', TSC],
      { encoding: 'utf8' },
    );
    expect(stderr).toMatch(words);
    expect(status).toBe(3);
  });
});

/** Within 10 %: what was counted since the last tick may fall into the next interval. */
function expectBetween(value: number, low: number, high: number): void {
  expect(value).toBeGreaterThan(low * 0.9);
  expect(value).toBeLessThan(high * 1.1);
}
