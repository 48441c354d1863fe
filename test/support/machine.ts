// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, cpSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from './temporary.ts';

/** A machine's /sys, /proc and /dev below a directory of their own, with some files written anew. */
export interface Machine {
  readonly sys: string;
  readonly proc: string;
  readonly dev: string;
  /** Writes `sys/…`, `proc/…` or `dev/…`. */
  write(path: string, text: string): void;
  remove(path: string): void;
  /**
   * Sets the register of a core's energy (0xc001029a) and, in bits 12:8 of the one before it, its unit. In
   * a file registers overlap, so the unit is in the lowest byte of the count, which must have room for it.
   */
  setCoreEnergy(cpu: number, unit: number, count: bigint): void;
}

const FIXTURES = join(__dirname, '../fixtures');

/** A copy of a fixture, which is removed when the tests of the file are over. */
export function copyMachine(name: string): Machine {
  const machine = emptyMachine();
  cpSync(join(FIXTURES, 'sys', name), machine.sys, { recursive: true });
  cpSync(join(FIXTURES, 'proc', name), machine.proc, { recursive: true });
  return machine;
}

/** A machine without a file, as `copyMachine`. */
export function emptyMachine(): Machine {
  const root = temporaryDirectory();
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  return {
    sys: join(root, 'sys'),
    proc: join(root, 'proc'),
    dev: join(root, 'dev'),
    write,
    remove: (path) => rmSync(join(root, path), { recursive: true }),
    setCoreEnergy(cpu, unit, count) {
      const path = join(root, `dev/cpu/${cpu}/msr`);
      mkdirSync(dirname(path), { recursive: true });
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT);
      // Far beyond the end: the file is sparse.
      writeSync(fd, new BigUint64Array([count | BigInt(unit)]), 0, 8, 0xc001029a);
      closeSync(fd);
    },
  };
}

/** A zone of powercap: `intel-rapl:0` or, within it, `intel-rapl:0:1`. */
export function addPowercap(
  machine: Machine,
  zone: string,
  files: { readonly name: string; readonly energy_uj: number } & Readonly<Record<string, string | number>>,
): void {
  const all = { max_energy_range_uj: 262_143_328_850, ...files };
  for (const [file, value] of Object.entries(all)) {
    machine.write(`sys/class/powercap/${zone}/${file}`, `${value}\n`);
  }
}
