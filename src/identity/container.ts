// SPDX-License-Identifier: Apache-2.0
// What a cgroup's path tells of the container, pod and systemd unit that its tasks belong to. The kernel knows
// no containers: the name a runtime gives the directory is all there is without asking a daemon.
//
// No npm package does this for the processes of a whole host: @opentelemetry/resource-detector-container finds
// the one container it runs in, container-info knows neither runtimes nor Podman, nspawn, LXC and supervisors.

import type { Container } from '../model/container.ts';

interface Row {
  readonly runtime: string | null;
  readonly directories: readonly string[];
}

/**
 * The directories that runtimes make, as they write them. ID, TASK or NAME is the container's id, `*` any part
 * of a name, and what is in parentheses precedes; without one of the three it is not a container's. The first
 * row that matches counts.
 *
 * `PREFIX-ID.scope` is what systemd makes for runc and crun of `SLICE:PREFIX:ID`. That itself becomes the
 * directory's name if they were not told to ask systemd.
 */
const TABLE: readonly Row[] = [
  // systemd-nspawn itself, beside its `payload`: src/nspawn/nspawn-cgroup.c
  { runtime: null, directories: ['systemd-nspawn@*.service/supervisor'] },
  // libvirt's machines, most of them virtual, are DRIVER-NUMBER-NAME: virDomainGenerateMachineName()
  {
    runtime: null,
    directories: ['qemu', 'lxc', 'xen', 'ch'].map((driver) => `machine-${driver}\\x2d*.scope`),
  },
  // A pod of Podman without systemd, which holds conmon and the containers: libpod/runtime_pod_linux.go
  { runtime: null, directories: ['libpod_parent/POD'] },

  // moby: WithCgroups() in daemon/oci_linux.go
  { runtime: 'docker', directories: ['docker/ID', 'docker-ID.scope', '*:docker:ID'] },
  // amazon-ecs-agent: /ecs/TASK, formerly /ecs/CLUSTER/TASK, is Docker's --cgroup-parent with cgroups v1
  { runtime: 'docker', directories: ['ecs/*/ID', 'ecs/*/*/ID'] },
  // AWS Fargate since platform 1.4, which replaced Docker by containerd
  { runtime: 'containerd', directories: ['ecs/TASK', 'ecs/*/TASK'] },
  // containerd: getCgroupsPath() of the CRI plugin; `/NAMESPACE/ID` without CRI, pkg/oci/spec.go
  {
    runtime: 'containerd',
    directories: ['cri-containerd-ID.scope', 'cri-containerd-ID', '*:cri-containerd:ID'],
  },
  { runtime: 'containerd', directories: ['default/ID', 'k8s.io/ID'] },
  // nerdctl: generateCgroupPath()
  { runtime: 'containerd', directories: ['nerdctl-ID.scope', '*:nerdctl:ID'] },
  // CRI-O: internal/config/cgmgr. Its conmon is in `crio-conmon-ID`, which nothing here matches.
  { runtime: 'cri-o', directories: ['crio-ID.scope', 'crio-ID', '*:crio:ID'] },
  // Podman: getOCICgroupPath(); `payload` with --cgroups=split, as Quadlet has it. conmon is as with CRI-O.
  { runtime: 'podman', directories: ['libpod-ID.scope', 'libpod-ID', 'libpod-payload-ID', '*:libpod:ID'] },
  // systemd: units/systemd-nspawn@.service.in, the scope of src/machine/machine.c, and the one that nspawn asks
  // for itself without machined, lately always: allocate_scope() in src/nspawn/nspawn-register.c
  {
    runtime: 'systemd-nspawn',
    directories: ['systemd-nspawn@NAME.service', 'machine-NAME.scope', '(machine.slice/)NAME.scope/payload'],
  },
  // LXC, LXD, Incus: src/lxc/cgroups/cgroup.h; `lxc.payload/` before 4.0, `lxc/` before 3.1 and on Proxmox VE
  { runtime: 'lxc', directories: ['lxc.payload.NAME', 'lxc.payload/NAME', 'lxc/NAME'] },
  // Kata Containers: the machine of a pod, whose id it is, beside its shims (docs/design/host-cgroups.md), and what is not
  // to count for the pod: `kata_overhead/ID`, with systemd resource/src/cgroups/utils.rs in src/runtime-rs
  { runtime: null, directories: ['kata_ID', 'runtime-rs-ID.scope'] },
  // The kubelet's `/kubepods/*/podUID`, or any --cgroup-parent, below which runtimes all name it alike
  { runtime: null, directories: ['ID'] },
];

/** Every repetition stays within one directory's name: the cost is linear in the path's length. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  ID: '([0-9a-f]{64})',
  TASK: '([0-9a-f]{32}-[0-9]+)',
  NAME: '([^/]+)',
  POD: '[0-9a-f]{64}',
  '*': '[^/]*',
  '(': '(?<=/',
  ')': ')',
};

const DIRECTORY = new RegExp(
  `/(?:${TABLE.flatMap((row) => row.directories.map(toSource)).join('|')})(?=/|$)`,
  'g',
);
/** By the number of the group that matched. */
const RUNTIMES = TABLE.flatMap(({ runtime, directories }) =>
  directories.filter((directory) => /ID|TASK|NAME/.test(directory)).map(() => runtime),
);

function toSource(directory: string): string {
  return directory.replace(/ID|TASK|NAME|POD|[*.()\\]/g, (token) => PLACEHOLDERS[token] ?? `\\${token}`);
}

/**
 * `/pod3d274242-8ee0-…` or, for systemd, `/kubepods-burstable-pod3d274242_8ee0_….slice`: GetPodContainerName()
 * and ToSystemd() in the kubelet's pkg/kubelet/cm. The second form also precedes `:cri-containerd:ID`.
 */
const POD = /[/-]pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=\.slice|\/|$)/g;

/**
 * The container whose directory is the innermost in `path`, and the innermost pod. Never throws, whatever the
 * path holds. Names are parts of it as they are and may hold control characters.
 */
export function containerOf(path: string): Container {
  let container: Omit<Container, 'podUid'> = { containerId: null, runtime: null };
  for (const [, ...groups] of path.matchAll(DIRECTORY)) {
    const row = groups.findIndex((group) => group !== undefined);
    // systemd escapes the dashes in a machine's name; the ids of others hold no backslash.
    const containerId = groups[row]?.replaceAll(String.raw`\x2d`, '-');
    if (containerId !== undefined) container = { containerId, runtime: RUNTIMES[row] ?? null };
  }
  const [, uid] = [...path.matchAll(POD)].at(-1) ?? [];
  return { ...container, podUid: uid?.replaceAll('_', '-') ?? null };
}

/** The directory of the innermost container in `path`, all of which is that container's; undefined outside of one. */
export function containerDirectoryOf(path: string): string | undefined {
  let end: number | undefined;
  for (const match of path.matchAll(DIRECTORY))
    if (match.slice(1).some((group) => group !== undefined)) end = match.index + match[0].length;
  return end === undefined ? undefined : path.slice(0, end);
}

/**
 * The id of the user who chose the names in `path`: below their systemd instance users make cgroups as they like, and
 * their own (rootless) runtimes do. The machine's runtimes make none there. undefined: no user did.
 */
export function userOf(path: string): number | undefined {
  const [, user] = /\/user@(\d+)\.service\//.exec(path) ?? [];
  return user === undefined ? undefined : Number(user);
}

export function isNamedByUser(path: string): boolean {
  return userOf(path) !== undefined;
}

/** Units that systemd gives a cgroup, with the characters it lets into their names (unit_name_is_valid()). */
const UNIT = /^[\w:.\\@-]+\.(?:service|scope|socket|mount|swap)$/;
const SLICE = /^[\w:.\\@-]+\.slice$/;

/**
 * The systemd unit a cgroup is in, the innermost if there are several (a user's or a container's systemd below
 * the system's), named as `systemctl` shows it: `\x2d` stays. A slice only if there is nothing else.
 */
export function unitOf(path: string): string | null {
  const names = path.split('/');
  const unit = names.findLast((name) => UNIT.test(name)) ?? names.findLast((name) => SLICE.test(name));
  // systemd puts an underscore before names that could be files of the kernel: cg_escape() in cgroup-util.c.
  return unit?.replace(/^_/, '') ?? null;
}
