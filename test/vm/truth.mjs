// SPDX-License-Identifier: Apache-2.0
// What the module knows, and what the meter said, in the same terms: Joules.
import { readFileSync } from 'node:fs';

const PJ = 1e-12;

/** The module's ledger: Joules by core, process and cgroup, run time by process; `names` by pid. */
export function readTruth(path) {
  const truth = {
    cores: new Map(),
    /**
     * Of a core: what its register moved while the newest perf event counted, and while any did; what nobody could read
     * of it beside resets of the register; the longest time that the newest could not be read, with a CPU online; events;
     * what it moved while the newest, passed on to another CPU, was read by nobody, and how often that was.
     */
    watched: new Map(),
    idle: 0,
    uncore: 0,
    processes: new Map(),
    seconds: new Map(),
    cgroups: new Map(),
    names: new Map(),
  };
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const fields = Object.fromEntries(
      [...line.matchAll(/(\w+)=(\S*)/g)].map(([, key, value]) => [key, value]),
    );
    const joules = Number(fields.pj) * PJ;
    if (line.startsWith('core')) {
      truth.cores.set(fields.id, joules);
      truth.watched.set(fields.id, {
        joules: Number(fields.watched_pj) * PJ,
        mostJoules: Number(fields.most_pj) * PJ,
        resetJoules: Number(fields.reset_pj) * PJ,
        blindSeconds: Number(fields.blind_ns) / 1e9,
        opened: Number(fields.opened),
        apartJoules: Number(fields.apart_pj) * PJ,
        passedOn: Number(fields.passed_on),
      });
      truth.idle += Number(fields.idle_pj) * PJ;
    } else if (line.startsWith('uncore')) {
      truth.uncore = joules;
    } else if (line.startsWith('task')) {
      add(truth.processes, Number(fields.tgid), joules);
      add(truth.seconds, Number(fields.tgid), Number(fields.ns) / 1e9);
      add(truth.cgroups, fields.cgroup, joules);
      if (fields.comm.includes('@')) truth.names.set(fields.comm, Number(fields.tgid));
    }
  }
  return truth;
}

/** The snapshots of a run, one a line. */
export function parseSnapshots(path) {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** Sums over the snapshots of a run, and by how much the worst of them does not close, in parts. */
export function readSnapshots(path) {
  const snapshots = parseSnapshots(path);
  const sums = {
    source: snapshots[0].source,
    counter: 0,
    idle: 0,
    unattributed: 0,
    processes: new Map(),
    cgroups: new Map(),
    cores: new Map(),
    zones: new Map(),
    self: {},
    paths: new Map(),
    gap: 0,
    lost: 0,
    shared: 0,
    openness: 0,
    count: snapshots.length,
  };
  for (const { totals, unattributed, processes, cgroups, cores, zones, self } of snapshots) {
    for (const [name, value] of Object.entries(self)) sums.self[name] = (sums.self[name] ?? 0) + value;
    for (const { id, counter_j } of zones) add(sums.zones, id, counter_j);
    sums.counter += totals.counter_j;
    sums.idle += totals.idle_j;
    sums.unattributed += totals.unattributed_j;
    sums.gap += unattributed.gap_j;
    sums.lost += unattributed.lost_j;
    sums.shared += unattributed.shared_j;
    for (const { pid, energy_j } of processes) add(sums.processes, pid, energy_j);
    for (const { id, path: name, energy_j } of cgroups) {
      add(sums.cgroups, id, energy_j);
      sums.paths.set(name, id);
    }
    for (const { id, counter_j } of cores) add(sums.cores, id, counter_j);
    sums.openness = Math.max(sums.openness, ...openness(totals, processes, cgroups));
  }
  return sums;
}

/** The three sums that must be equal in every snapshot, as differences in parts of the whole. */
function openness(totals, processes, cgroups) {
  const whole = Math.max(totals.counter_j, 1e-3);
  return [
    totals.process_j + totals.idle_j + totals.unattributed_j - totals.counter_j,
    sum(processes) - totals.process_j,
    sum(cgroups) - totals.process_j,
  ].map((difference) => Math.abs(difference) / whole);
}

function sum(usages) {
  return usages.reduce((joules, { energy_j }) => joules + energy_j, 0);
}

function add(map, key, value) {
  map.set(key, (map.get(key) ?? 0) + value);
}
