// SPDX-License-Identifier: Apache-2.0
// A counter is opened and a program is loaded once. What is needed of privileges after that is little, and all else
// is given up for good: by the commands, whose process is ours; an application that has the library keeps its own.
import { constants, statSync } from 'node:fs';
import { type Capability, effectiveCapabilities, maskOf } from '../host/capabilities.ts';
import type { Counter, EnergySource } from '../model/source.ts';
import { askKernel, dropPrivileges, type KernelWants } from '../probe/addon.ts';
import { attempt } from '../util/files.ts';

/** What is done after the start, and decides what is needed for it. */
export interface Duties {
  readonly source: EnergySource;
  /** Programs of others are named in full. */
  readonly namesPrograms: boolean;
  /** Files of container runtimes are opened again and again: those of root's, and of users who need no root for theirs. */
  readonly namesContainers: boolean;
  /** A token that only root may read is opened again and again. */
  readonly readsToken: boolean;
  /** Signals are passed on to a command, which may have become another user. */
  readonly signals: boolean;
}

/** What decides beside it: our user, what we have, and what this kernel wants. */
export interface Standing {
  readonly uid: number;
  readonly held: ReadonlySet<Capability>;
  readonly wants: KernelWants;
  /** Whether sensors of the source have files that root alone may read. */
  readonly closedSensors: boolean;
}

/** The capabilities that measuring needs from now on, those that are held. SECURITY.md tells why, one by one. */
export function neededCapabilities(
  duties: Duties,
  { uid, held, wants, closedSensors }: Standing,
): readonly Capability[] {
  const { source } = duties;
  const places = new Set(countersOf(source).map(({ location }) => location.via));
  const devices = places.has('msr') || places.has('powercap') || closedSensors;
  const asAdmin: Capability[] = ['CAP_SYS_ADMIN'];
  // The kernel takes CAP_SYS_ADMIN for either of these two, and older container runtimes know nothing else.
  const events: Capability[] = held.has('CAP_PERFMON') && !wants.admin ? ['CAP_PERFMON'] : asAdmin;
  const bpf: Capability[] = held.has('CAP_BPF') ? ['CAP_BPF'] : asAdmin;
  const needed: readonly (readonly [boolean, readonly Capability[]])[] = [
    [source.reader === 'bpf' || places.has('perf'), events],
    [wants.bpf, bpf],
    [duties.namesPrograms, ['CAP_SYS_PTRACE']],
    [places.has('msr'), ['CAP_SYS_RAWIO']],
    // Users keep what their own runtimes write closed to all others, and so to a root who gave this up.
    [duties.namesContainers, ['CAP_DAC_READ_SEARCH']],
    // They are root's, who needs no capability for his own files.
    [uid !== 0 && (duties.readsToken || devices), ['CAP_DAC_READ_SEARCH']],
    [duties.signals, ['CAP_KILL']],
  ];
  const wanted = new Set(needed.flatMap(([isNeeded, capabilities]) => (isNeeded ? capabilities : [])));
  return [...wanted].filter((one) => held.has(one));
}

function countersOf(source: EnergySource): readonly Counter[] {
  return [...(source.reader === 'user' ? source.counters : []), ...source.auxiliary];
}

/**
 * Kernels let everybody read sensors of hwmon and batteries, of which a power can be integrated that tells secrets
 * (PLATYPUS, CVE-2020-8694): some distributions and administrators do not.
 */
export function hasClosedSensors(source: EnergySource): boolean {
  const files = countersOf(source).flatMap(({ location }) => {
    if (location.via === 'hwmon') return [location.path];
    return location.via === 'power' ? location.sensors.flat() : [];
  });
  const modes = files.map((path) => attempt(() => statSync(path).mode));
  return modes.some((mode) => mode !== undefined && (mode & constants.S_IROTH) === 0);
}

/**
 * Gives up all other privileges, in every thread of this process, and returns what is kept. Programs that are
 * executed from now on gain none, not even by sudo.
 * @throws EnergyError where a thread cannot be made to.
 */
export function keepOnlyNeeded(duties: Duties): readonly Capability[] {
  const held = effectiveCapabilities() ?? new Set<Capability>();
  const kept = neededCapabilities(duties, {
    uid: process.geteuid!(),
    held,
    wants: askKernel(),
    closedSensors: hasClosedSensors(duties.source),
  });
  dropPrivileges(maskOf(kept));
  return kept;
}
