// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linesOf, peer } from '../support/attached.ts';
import { JOULES } from '../support/joules.ts';
import { TSC, waitFor } from '../support/kernel.ts';
import { parseThread } from '../support/privileges.ts';
import { describeInSandbox, describeWithAnalyze, hasAnalyze, PYTHON, SANDBOX } from '../support/systemd.ts';
import { maskOf } from '../../src/host/capabilities.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SYSTEMD = join(__dirname, '../../deploy/systemd');
const UNIT = join(SYSTEMD, 'joules.service');
const DROP_INS = readdirSync(join(SYSTEMD, 'drop-ins'));
/** Of 10; what is left over is the two capabilities, /proc, the network, V8's machine code and perf_event_open. */
const EXPOSURE_LIMIT = 2.2;

function analyze(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** A copy whose program is there, with drop-ins beside it where systemd looks for them. */
function installedUnit(...dropIns: string[]): string {
  const directory = temporaryDirectory();
  const path = join(directory, 'joules.service');
  writeFileSync(path, readFileSync(UNIT, 'utf8').replaceAll('/usr/bin/joules', JOULES));
  mkdirSync(`${path}.d`);
  for (const name of dropIns) cpSync(join(SYSTEMD, 'drop-ins', name), join(`${path}.d`, name));
  return path;
}

function exposure(path: string): number {
  const { text } = analyze('security', '--offline=true', '--no-pager', path);
  return Number(/exposure level for joules.service: ([\d.]+)/.exec(text)?.[1]);
}

describeWithAnalyze('the unit of systemd', () => {
  it.each([['no drop-in'], ...DROP_INS.map((name) => [name])])('is understood by systemd with %s', (name) => {
    const unit = installedUnit(...DROP_INS.filter((one) => one === name));
    expect(analyze('verify', '--man=no', unit)).toEqual({ status: 0, text: '' });
  });

  const score = hasAnalyze ? exposure(installedUnit()) : Number.NaN;
  it(`is exposed by ${score} of 10, and by no more than ${EXPOSURE_LIMIT}`, () => {
    expect(score).toBeGreaterThan(0);
    expect(score).toBeLessThanOrEqual(EXPOSURE_LIMIT);
  });

  it('is exposed by more with drop-ins that grant more, and by less with the one for this host alone', () => {
    for (const name of ['paranoid.conf', 'programs.conf', 'files.conf', 'msr.conf'])
      expect(exposure(installedUnit(name))).toBeGreaterThan(score);
    expect(exposure(installedUnit('local.conf'))).toBeLessThan(score);
  });
});

describeInSandbox('what the unit allows', () => {
  const sandbox = [SANDBOX, UNIT];
  const inSandbox = (...command: string[]): number | null =>
    spawnSync(PYTHON, [...sandbox, ...command]).status;

  it('is enough for the agent to measure, to publish and to be attached to', async () => {
    const agent = [process.execPath, JOULES, 'agent', '--source', TSC, '--listen', '127.0.0.1:0'];
    const child = spawn(PYTHON, [...sandbox, ...agent], { stdio: ['ignore', 'ignore', 'pipe'] });
    const gone = once(child, 'close');
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    try {
      const url = await waitFor('the address', () => /publishing at (\S+)/.exec(said)?.[1]);
      const energy = await waitFor('energy', async () => {
        const page = await (await fetch(url)).text();
        const values = [...page.matchAll(/^process_energy_joules_total\{.*\} (\S+)/gm)];
        return values.map(([, value]) => Number(value)).find((value) => value > 0);
      });
      expect(energy).toBeGreaterThan(0);
      const socket = `/proc/${child.pid}/root/run/joules/attach.sock`;
      const lines = await linesOf(peer(socket, 'follow', 'self', 2));
      expect(lines.at(-1)!.reading!.process.energy_j).toBeGreaterThan(0);
      expect(said).not.toMatch(/attach/);
      const status = readFileSync(`/proc/${child.pid}/status`, 'latin1');
      expect(/^Seccomp:\s*(\d)/m.exec(status)?.[1]).toBe('2');
      expect(/^Uid:\s*(\d+)/m.exec(status)?.[1]).toBe('65534');
      expect(parseThread(status).permitted & ~maskOf(['CAP_BPF', 'CAP_PERFMON'])).toBe(0n);
    } finally {
      child.kill('SIGTERM');
      await gone;
    }
    expect(child.exitCode).toBe(0);
  });

  it('is not enough to write anywhere but to its own temporary files, nor for other system calls', () => {
    expect(inSandbox('true')).toBe(0);
    expect(inSandbox('touch', join(SYSTEMD, 'x'))).not.toBe(0);
    expect(existsSync(join(SYSTEMD, 'x'))).toBe(false);
    // Everybody may lock a page of memory; the filter of system calls has no mlock.
    const lock = 'import ctypes; exit(ctypes.CDLL(None).mlock(ctypes.create_string_buffer(1), 1) != 0)';
    expect(inSandbox(PYTHON, '-c', lock)).not.toBe(0);
    expect(spawnSync(PYTHON, ['-c', lock]).status).toBe(0);
    // Netlink is an address family that the unit leaves out.
    const netlink = 'require("node:os").networkInterfaces()';
    expect(inSandbox(process.execPath, '-e', netlink)).not.toBe(0);
    expect(spawnSync(process.execPath, ['-e', netlink]).status).toBe(0);
  });
});
