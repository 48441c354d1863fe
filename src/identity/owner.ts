// SPDX-License-Identifier: Apache-2.0
// What a cgroup's path tells of the job, service, virtual machine or application that its tasks belong to. The fixtures of
// test/fixtures/cgroup-owners name the source of each form.
import type { Owner, OwnerType } from '../model/owner.ts';
import { containerOf } from './container.ts';

/** systemd's unit of a user's instance, and the slices below it, in which that user makes the names. */
const USERS = String.raw`/user\.slice/user-(?<user>\d+)\.slice/user@\d+\.service(?:/[^/]+\.slice)*`;
/** Slices of the machine. */
const SLICES = String.raw`(?:/[^/]+\.slice)*`;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** Snaps' units are those of their security tags, snap.NAME.APP, of what is run by hand with a random end. */
const SNAP = String.raw`/snap\.(?<name>[^./]+)\.(?<part>[^/]+?)(?:[-.]${UUID})?\.(?:service|scope)`;

/**
 * By whom the machine's time is given out, from the first that matches: `name` is who, `part` which part of it. All begin at
 * the root, where only the machine's own managers make cgroups, but those of users. Every repetition stays within one
 * directory's name: the cost is linear in the path's length.
 */
const TABLE: readonly (readonly [OwnerType, RegExp])[] = (
  [
    // Slurm with cgroups v1 and v2; of several slurmd on one machine each puts its node's name there.
    ['slurm', String.raw`/slurm(?:_[^/]+)?/uid_\d+/job_(?<name>[^/]+)(?:/step_(?<part>[^/]+))?`],
    [
      'slurm',
      String.raw`/system\.slice/(?:[^/]+_)?slurmstepd\.scope/job_(?<name>[^/]+)(?:/step_(?<part>[^/]+))?`,
    ],
    // PBS: `jobid` with v1, `jobs` with v2; the last two are older.
    ['pbs', String.raw`/pbs_jobs\.service/(?:jobid|jobs)/(?<name>[^/]+)`],
    ['pbs', String.raw`/pbspro\.slice/pbspro-(?<name>[^/]+)\.slice`],
    ['pbs', String.raw`/pbspro/(?<name>[^/]+)`],
    // HTCondor knows no job there but the slot that it runs in, after the execute directory's name.
    [
      'htcondor',
      String.raw`(?:/system\.slice)?/htcondor/condor_(?:[^/]*_)?(?<name>slot\d+(?:_\d+)?)(?:@[^/]*)?`,
    ],
    // Nomad: an allocation's task, with v2 and v1; `reserve` has those with cores of their own.
    [
      'nomad',
      String.raw`/nomad\.slice/(?:(?:share|reserve)\.slice/)?(?<name>${UUID})\.(?<part>[^/]+)\.scope`,
    ],
    ['nomad', String.raw`/nomad/(?:(?:share|reserve)/)?(?<name>${UUID})\.(?<part>[^/]+)`],
    // libvirt with systemd, where machined escapes DRIVER-NUMBER-NAME, and without; Proxmox VE has numbers.
    ['vm', String.raw`${SLICES}/machine-(?:qemu|xen|ch)\\x2d\d+\\x2d(?<name>[^/]+)\.scope`],
    ['vm', String.raw`/machine/(?:(?:qemu|xen|ch)-\d+-)?(?<name>[^/]+)\.libvirt-(?:qemu|xen|ch)`],
    ['vm', String.raw`/qemu\.slice/(?<name>\d+)\.scope`],
    // Applications: of snaps, of Flatpak, and what a desktop starts: app[-LAUNCHER]-ID-RANDOM.scope or …[@RANDOM].service
    ['snap', USERS + SNAP],
    ['snap', SLICES + SNAP],
    ['flatpak', String.raw`${USERS}/app-flatpak-(?<name>[^/]+)-\d+\.scope`],
    ['app', String.raw`${USERS}/app-(?:[^/-]+-)?(?<name>[^/-]+)-[^/-]+\.scope`],
    ['app', String.raw`${USERS}/app-(?:[^/-]+-)?(?<name>[^/@-]+)(?:@[^/]*)?\.service`],
    // Users: the unit of their systemd instance, the session, or neither
    ['user', String.raw`${USERS}/(?<part>[^/]+\.(?:service|scope|socket))`],
    ['user', String.raw`/user\.slice/user-(?<user>\d+)\.slice/(?<part>session-[^/]+\.scope)`],
    ['user', String.raw`/user\.slice/user-(?<user>\d+)\.slice`],
    // What systemd runs
    ['service', String.raw`${SLICES}/(?<name>[^/]+\.service)`],
    ['scope', String.raw`${SLICES}/(?<name>[^/]+\.(?:scope|socket|mount|swap))`],
  ] as const
).map(([type, pattern]) => [type, new RegExp(`^${pattern}(?=/|$)`)]);

/** Whose cgroup it is; null if its path does not tell. The same for the same path, always. Never throws. */
export function ownerOf(path: string): Owner | null {
  for (const [type, pattern] of TABLE) {
    const { name, part, user } = pattern.exec(path)?.groups ?? {};
    const owner = name ?? user;
    if (owner === undefined) continue;
    // Scopes that runtimes made for containers and machines of their own: those are known as containers.
    if (type === 'scope' && containerOf(path).containerId !== null) return null;
    return { type, name: unescape(owner), part: part === undefined ? null : unescape(part) };
  }
  return null;
}

/** systemd writes a dash as `\x2d`, and an underscore before what could be a file of the kernel. */
function unescape(name: string): string {
  return name.replaceAll(String.raw`\x2d`, '-').replace(/^_(?=.*\.(?:service|scope|socket|mount|swap)$)/, '');
}
