// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProbe, type ProbeOptions } from '../../src/probe/addon.ts';
import { nativeError, STEPS } from '../../src/probe/advice.ts';
import type { PerfEvent } from '../../src/model/source.ts';
import { JOULES } from '../support/joules.ts';
import { describeOnKernel, msrType, TSC } from '../support/kernel.ts';
import { OPTIONS, tscEvent, ZONE } from '../support/probe.ts';

const ROOT = join(__dirname, '../..');
/** The types of our own program as those of the kernel: every field is at another place. */
const WRONG_BTF = join(ROOT, 'build/Release/obj/gen/bpf/energy.bpf.o');

let directory: string;
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'joules-test-'))));
afterAll(() => rmSync(directory, { recursive: true }));

/** What is said when a probe cannot be opened, or cannot bind a counter. */
async function failure(
  options: Partial<ProbeOptions>,
  zone = ZONE,
  event: Partial<PerfEvent> = {},
): Promise<string> {
  const probe = createProbe();
  try {
    await probe.open({ ...OPTIONS, ...options });
    await probe.bind(0, zone, { ...tscEvent(), ...event });
    return 'it worked';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await probe.close();
  }
}

/** stderr of a command. */
function said(file: string, ...args: string[]): string {
  return spawnSync(file, args, { encoding: 'utf8' }).stderr;
}

describe('advice', () => {
  it('is for steps that native code has', () => {
    const files = readdirSync(join(ROOT, 'native')).map((name) => join(ROOT, 'native', name));
    const source = files.map((file) => readFileSync(file, 'utf8')).join('');
    expect(STEPS.filter((step) => !source.includes(`"${step}"`))).toEqual([]);
  });

  it('point to what libbpf says where nothing better is known', () => {
    expect(nativeError('swap the buffers of a CPU', -5).message).toMatch(
      /^cannot swap the buffers of a CPU \(EIO\): .*JOULES_LIBBPF_LOG=1/,
    );
    expect(nativeError('load the BPF program', -524)).toMatchObject({ code: 'ENOTSUPP' });
  });
});

describeOnKernel('what is wrong and what to do about it is said', () => {
  it('of a program that the verifier refuses: what the verifier can be asked', async () => {
    expect(await failure({ btf: WRONG_BTF })).toMatch(
      /^cannot load the BPF program \(EACCES\): the kernel's verifier refused .*JOULES_LIBBPF_LOG=1/,
    );
  });

  it('by libbpf and the verifier where they are asked, and only there', () => {
    const script = `
      const probe = require(${JSON.stringify(join(ROOT, 'dist/probe/addon.js'))}).createProbe();
      void probe.open(${JSON.stringify({ ...OPTIONS, btf: WRONG_BTF })}).catch(() => {});`;
    const run = (...environment: string[]): string =>
      said('env', ...environment, process.execPath, '-e', script);
    expect(run('JOULES_LIBBPF_LOG=1')).toMatch(/^libbpf: [^]*BEGIN PROG LOAD LOG/m);
    expect(run('-u', 'JOULES_LIBBPF_LOG')).toBe('');
  });

  it.each([
    ['is missing', '/nowhere/vmlinux', /\(ENOENT\): .*CONFIG_DEBUG_INFO_BTF/],
    ['is something else', __filename, /\((?:ELIBBPF|EINVAL)\): it is damaged/],
    ['is empty', '/dev/null', /\(\w+\): it is damaged/],
    ['is cut off', 'cut', /\(EINVAL\): it is damaged/],
  ])('of a BTF that %s', async (_, path, words) => {
    const cut = join(directory, 'cut');
    writeFileSync(cut, readFileSync('/sys/kernel/btf/vmlinux').subarray(0, 1_000_000));
    const btf = path === 'cut' ? cut : path;
    // Whoever needs it first.
    for (const controller of ['', 'memory']) {
      const message = await failure({ btf, controller });
      expect(message).toMatch(/^cannot read the BTF of the kernel \(/);
      expect(message).toMatch(words);
    }
  });

  it.each([
    ['load the BPF program', 'bpf', 'cannot load the BPF program (ENOSYS): the kernel was built without'],
    [
      'open the perf event',
      'perf_event_open',
      'cannot open the perf event (ENOSYS): the kernel was built without',
    ],
  ])('of a kernel that has no call to %s', (_, call, sentence) => {
    // As a seccomp profile has it, or a kernel without.
    const without = join(directory, 'without');
    if (!existsSync(without)) execFileSync('g++', ['-o', without, join(__dirname, '../native/without.cc')]);
    expect(said(without, call, process.execPath, JOULES, 'top', '--source', TSC)).toMatch(
      new RegExp(`^joules: ${sentence.replace(/[()]/g, '\\$&')}[^\n]*\n$`),
    );
  });

  it('to the root of a user namespace', () => {
    expect(said('unshare', '-Ur', process.execPath, JOULES, 'top', '--source', TSC)).toMatch(
      /^joules: cannot load the BPF program \(EPERM\): the capabilities of a user namespace do not count[^\n]*\n$/,
    );
    const doctor = spawnSync('unshare', ['-Ur', process.execPath, JOULES, 'doctor'], { encoding: 'utf8' });
    expect(doctor.stdout).toMatch(/^- user namespace +the capabilities of a user namespace do not count/m);
    expect(doctor.status).toBe(3);
  });

  it.each(['19', '20', '24', '32'])('to a user who may open %s files', (files) => {
    for (const verb of ['top', 'agent', 'stat']) {
      const more = verb === 'stat' ? ['--', 'true'] : [];
      const command = [process.execPath, JOULES, verb, '--source', TSC, ...more];
      expect(said('prlimit', `--nofile=${files}`, ...command)).toMatch(
        /^joules: cannot [^\n]*\bulimit -n\b[^\n]*\n$/,
      );
    }
  });

  it('of a cgroup controller that the kernel has not', async () => {
    expect(await failure({ controller: 'nonsense' })).toMatch(
      /^cannot find the cgroup controller \(ENOENT\): .*no such cgroup controller/,
    );
  });

  it.each<[string, Partial<PerfEvent>, RegExp]>([
    ['a PMU that is not there', { type: 4_000_000 }, /\(ENOENT\): the PMU has no such event/],
    ['an event that its PMU has not', { config: 999n }, /\(EINVAL\): the PMU has no such event/],
  ])('of %s', async (_, event, words) => {
    for (const switched of [true, false]) {
      const message = await failure({ switched }, ZONE, event);
      expect(message).toMatch(/^cannot open the perf event/);
      expect(message).toMatch(words);
    }
  });

  it('of a counter that its CPUs cannot read', async () => {
    // msr events have no scope: CPU 1 cannot read the counter of CPU 0.
    expect(await failure({}, { ...ZONE, cpus: [1] })).toMatch(
      /^cannot read the counter in BPF \(EINVAL\): .*scope=package/,
    );
    expect(await failure({}, { ...ZONE, cpus: [0, 1, 0, 1, 0, 1, 0, 1, 0] })).toMatch(
      /^cannot share a counter between so many CPUs \(E2BIG\): use scope=package/,
    );
  });

  it.each([
    ['no capability', '-all'],
    ['CAP_BPF alone', '-all,+bpf'],
    ['CAP_PERFMON alone', '-all,+perfmon'],
  ])('to a user with %s', (_, capabilities) => {
    const setpriv = ['--bounding-set', capabilities, '--inh-caps', '-all'];
    expect(said('setpriv', ...setpriv, process.execPath, JOULES, 'top', '--source', TSC)).toMatch(
      /^joules: cannot load the BPF program \(EPERM\): run as root, or with CAP_BPF and CAP_PERFMON;[^\n]*\n$/,
    );
  });

  it('to a user who has all files open that he may', () => {
    const script = `
      const probe = require(${JSON.stringify(join(ROOT, 'dist/probe/addon.js'))}).createProbe();
      const { openSync } = require('node:fs');
      probe.open(${JSON.stringify(OPTIONS)}).then(() => {
        try {
          for (;;) openSync('/dev/null');
        } catch {
          const event = { type: ${msrType()}, config: 0n, config1: 0n, config2: 0n };
          return probe.bind(0, ${JSON.stringify(ZONE)}, event);
        }
      }).catch(({ message }) => console.error(message));`;
    expect(said('prlimit', '--nofile=100', process.execPath, '-e', script)).toMatch(
      /^cannot open the perf event \(EMFILE\): .*ulimit -n/,
    );
  });
});
