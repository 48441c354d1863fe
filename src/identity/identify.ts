// SPDX-License-Identifier: Apache-2.0
import type { Hierarchy } from '../host/hierarchy.ts';
import type { ProcessKey } from '../host/procfs.ts';
import { UNKNOWN } from '../model/snapshot.ts';
import type { Columns } from '../probe/columns.ts';
import { eachInSlices, inSlices, stepping } from '../util/cooperative.ts';
import { type Cgroup, type ChargedCgroup, CgroupPaths } from './cgroup.ts';
import { createCommandLines } from './command-lines.ts';
import { ContainerClaims } from './container-claims.ts';
import { createProcesses, type Process } from './processes.ts';

/** Says who was charged. For each interval: `beginInterval`, `prepare`, what is to be known, `endInterval`. */
export interface Identifier {
  /** Takes in what the kernel recorded of processes and cgroups. */
  beginInterval(columns: Pick<Columns, 'processes' | 'lifecycle' | 'mkdirs'>): void;
  /** Looks for the cgroups, and the scripts of the processes, of the interval in slices of time. */
  prepare(charged: readonly ChargedCgroup[]): Promise<void>;
  /** Who the process of this index is in the columns of the interval. */
  process(index: number): Process;
  /** Path, container and unit of a cgroup; `process` is one that was charged in it. */
  cgroup(id: number, process: ProcessKey): Cgroup;
  /** Whether a cgroup's path still is one; true where that cannot be told. */
  cgroupExists(path: string): boolean;
  /** Bounds what is remembered and what is looked up. */
  endInterval(): void;
}

const NO_CGROUPS =
  `no cgroups are mounted: one whose processes end before they are looked at is called ${UNKNOWN}; ` +
  'mount them (mount -t cgroup2 none /sys/fs/cgroup)';

export function createIdentifier(options: {
  readonly proc: string;
  readonly hierarchy: Hierarchy;
  readonly bootTimeMs: number;
  /** Whether `proc` shows the processes of the first pid namespace, which rows name; default true. */
  readonly hostProc?: boolean;
  /** Whether interpreters are called by what they run, too. */
  readonly scripts?: boolean;
  /** Takes a line, at once, where cgroups cannot be looked up. */
  readonly log?: (line: string) => void;
}): Identifier {
  const { proc, hostProc = true, hierarchy, scripts = false, log = () => {} } = options;
  const commandLines = scripts ? createCommandLines({ proc, log }) : undefined;
  const processes = createProcesses({ ...options, hostProc, commandLines });
  const cgroups = new CgroupPaths({ ...options, hostProc });
  const claims = new ContainerClaims();
  if (hierarchy.mount === null) log(NO_CGROUPS);
  let made: Columns['mkdirs'] = { cgroup: new Float64Array(0), path: [] };
  return {
    beginInterval(columns) {
      processes.beginInterval(columns);
      made = columns.mkdirs;
    },
    async prepare(charged) {
      // There may be thousands.
      const { cgroup, path } = made;
      await inSlices(stepping(path.length, (i) => cgroups.learn(cgroup[i]!, path[i]!)));
      await processes.prepare();
      await cgroups.prepare(charged);
      await eachInSlices(charged, ({ id, process }) => claims.note(cgroups.resolve(id, process)));
    },
    process: (index) => processes.identify(index),
    cgroup: (id, process) => claims.judge(cgroups.resolve(id, process)),
    cgroupExists: (path) => cgroups.exists(path),
    endInterval() {
      processes.endInterval();
      cgroups.endInterval();
      claims.endInterval();
    },
  };
}
