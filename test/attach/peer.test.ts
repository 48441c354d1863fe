// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Connected, identify, isUnchanged } from '../../src/attach/peer.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PID = 4242;
const TICKS = 7000;

interface Process {
  readonly uid?: number;
  readonly capabilities?: string;
  readonly pids?: string;
  readonly ticks?: number;
}

/** A procfs with one process in it, as a kernel writes it. */
function procfs(process?: Process): string {
  const proc = temporaryDirectory();
  if (process) write(proc, process);
  return proc;
}

function write(
  proc: string,
  { uid = 1000, capabilities = '0', pids = String(PID), ticks = TICKS }: Process,
): void {
  mkdirSync(join(proc, String(PID)), { recursive: true });
  const before = Array.from({ length: 18 }, () => '0').join(' ');
  writeFileSync(join(proc, `${PID}/stat`), `${PID} (a) b) S ${before} ${ticks} 0 0\n`);
  const ids = `Uid:\t${uid}\t${uid}\t${uid}\t${uid}\nGid:\t100\t100\t100\t100\nNSpid:\t${pids}\n`;
  writeFileSync(join(proc, `${PID}/status`), `Name:\ta\n${ids}CapPrm:\t${capabilities}\n`);
}

/** As kernels before 6.5 tell it: without a descriptor of the process. */
function connected(peer: Partial<Connected> = {}): Connected {
  return { pid: PID, uid: 1000, gid: 100, process: -1, release: () => {}, ...peer };
}

describe('who is connected, where the kernel gives no descriptor of the process', () => {
  it('is the process of that pid and user', () => {
    expect(identify(connected(), procfs({}))).toMatchObject({
      process: { pid: PID, startTicks: TICKS },
      isNested: false,
    });
  });

  it('is nobody where the pid has gone to another user', () => {
    expect(identify(connected(), procfs({ uid: 1001 }))).toBeUndefined();
    expect(identify(connected({ gid: 101 }), procfs({}))).toBeUndefined();
  });

  it('is known to be in a pid namespace of its own, and taken for that where it is not known', () => {
    expect(identify(connected(), procfs({ pids: `${PID}\t1` }))).toMatchObject({
      process: { pid: PID },
      isNested: true,
    });
    expect(identify(connected({ pid: 0 }), procfs({}))).toMatchObject({ process: undefined, isNested: true });
    // Of a procfs that hides the processes of others.
    expect(identify(connected(), procfs())).toMatchObject({ process: undefined, isNested: true });
  });

  it('is another one once the user, the capabilities or the start have changed, or it has ended', () => {
    const proc = procfs({});
    const identity = identify(connected(), proc)!;
    expect(isUnchanged(identity, proc)).toBe(true);
    for (const change of [{ uid: 0 }, { capabilities: '1' }, { ticks: TICKS + 1 }]) {
      write(proc, change);
      expect(isUnchanged(identity, proc)).toBe(false);
    }
    expect(isUnchanged(identity, procfs())).toBe(false);
  });
});
