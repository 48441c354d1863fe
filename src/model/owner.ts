// SPDX-License-Identifier: Apache-2.0

/** What a cgroup may belong to. */
export const OWNER_TYPES = [
  'slurm',
  'pbs',
  'htcondor',
  'nomad',
  'vm',
  'snap',
  'flatpak',
  'app',
  'user',
  'service',
  'scope',
] as const;
export type OwnerType = (typeof OWNER_TYPES)[number];

/** Whose a cgroup is, as its path tells: a job, a virtual machine, an application, a user, a unit of systemd. */
export interface Owner {
  readonly type: OwnerType;
  /** Of a job its id (of HTCondor the slot), of a machine its name (of Proxmox its number), of a user the uid. */
  readonly name: string;
  /** Step of a job, task of an allocation, app of a snap, unit of a user; null where there is none. */
  readonly part: string | null;
}
