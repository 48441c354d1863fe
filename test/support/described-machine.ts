// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseCpuList } from '../../src/host/cpus.ts';
import { emptyMachine, type Machine } from './machine.ts';

/** `test/fixtures/sys/NAME.json`: a machine in short, whose tree would be hundreds of files. */
interface Description {
  /** Where each of its files is known from. */
  readonly source: string;
  /** Lines of the first CPU of /proc/cpuinfo. */
  readonly cpuinfo: readonly string[];
  /** Cores of packages: the i-th has the i-th CPU of each list of threads. */
  readonly cores: readonly {
    readonly package: number;
    readonly threads: readonly string[];
    readonly coresPerDie?: number;
  }[];
  /** Of sysfs, by their path. */
  readonly files: Readonly<Record<string, string>>;
  /** Symbolic links of sysfs. */
  readonly links?: Readonly<Record<string, string>>;
}

const DESCRIPTIONS = join(__dirname, '../fixtures/sys');

/** Builds a machine that is described, which is removed when the tests of the file are over. */
export function describedMachine(name: string): Machine {
  const text = readFileSync(join(DESCRIPTIONS, `${name}.json`), 'utf8');
  const { cpuinfo, cores, files, links = {} } = JSON.parse(text) as Description;
  const machine = emptyMachine();
  machine.write('proc/cpuinfo', `${['processor\t: 0', ...cpuinfo].join('\n')}\n\nprocessor\t: 1\n`);
  const online: number[] = [];
  /** By package. */
  const coreCounts = new Map<number, number>();
  for (const { package: pkg, threads, coresPerDie = Infinity } of cores) {
    const lists = threads.map(parseCpuList);
    for (const i of lists[0]!.keys()) {
      const core = coreCounts.get(pkg) ?? 0;
      coreCounts.set(pkg, core + 1);
      const siblings = lists.map((list) => list[i]!);
      for (const cpu of siblings) {
        const topology = `sys/devices/system/cpu/cpu${cpu}/topology`;
        machine.write(`${topology}/physical_package_id`, `${pkg}\n`);
        machine.write(`${topology}/core_id`, `${core}\n`);
        machine.write(`${topology}/die_id`, `${Math.floor(core / coresPerDie)}\n`);
        machine.write(`${topology}/core_cpus_list`, `${siblings.join(',')}\n`);
        online.push(cpu);
      }
    }
  }
  machine.write('sys/devices/system/cpu/online', `${online.toSorted((a, b) => a - b).join(',')}\n`);
  for (const [path, content] of Object.entries(files)) machine.write(`sys/${path}`, `${content}\n`);
  for (const [path, target] of Object.entries(links)) {
    const link = join(machine.sys, path);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  }
  return machine;
}
