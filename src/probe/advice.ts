// SPDX-License-Identifier: Apache-2.0
import { getSystemErrorName } from 'node:util';
import { inUserNamespace, LEAVE_USER_NAMESPACE } from '../host/user-namespace.ts';
import { EnergyError, usageError } from '../model/errors.ts';
import { SHORTAGES } from '../util/system-error.ts';

const VERIFIER =
  "the kernel's verifier refused it; run again with JOULES_LIBBPF_LOG=1 and report what it says " +
  '(Linux before 5.15 and lockdown=confidentiality always refuse it, and so may a low ulimit -n)';
const NO_EVENT =
  'the PMU has no such event: see its events in /sys/bus/event_source/devices, or what `joules doctor` finds';
const NOT_DROPPED =
  'allow capset, prctl and rt_tgsigqueueinfo in the seccomp profile, or start it with fewer privileges';
const IN_USE =
  'all counters of the PMU are taken, or its CPU went offline: end other programs that use perf events';
const NOT_IN_BPF =
  'the CPUs cannot read this counter themselves: use another scope=, at the widest scope=package';

/** Steps that fail by what the user gave, whatever the error: native/count_unit.h and probe_options.h have the ranges. */
const BY_INPUT: Readonly<Record<string, string>> = {
  'count in so many Joules': 'give joules= as a number of Joules per count, from 5.9e-11 to 256',
  'bound the power of a counter': 'give a number of watts from 0, which sets no bound, to 1e6',
  'keep room for so many processes': 'give max_tasks as a whole number from 1 to 4,000,000',
  'charge such a cgroup hierarchy': 'give its number as /proc/cgroups has it, 0 for cgroup v2',
};

const IMPOSSIBLE = 'there can be no such zone, CPU or event: report it with what `joules doctor` prints';

/** What to do, by the step that failed as native/ names it, then by error; `*`: any other. */
const BY_STEP: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  open: { EINVAL: 'one of its options is not what ProbeOptions says' },
  'read the BTF of the kernel': {
    ENOENT: 'it is missing: use a kernel built with CONFIG_DEBUG_INFO_BTF',
    '*': 'it is damaged: use another kernel',
  },
  'find the cgroup controller': { ENOENT: 'the kernel has no such cgroup controller: see /proc/cgroups' },
  'load the BPF program': {
    ESRCH: 'the kernel has no such tracepoint: use Linux 5.15 or later',
    // Of a map, or of the paths through the program.
    E2BIG: `it is too large: lower max_tasks, and if that does not help, ${VERIFIER}`,
    // Elsewhere a matter of privileges; the verifier's word for a forbidden access.
    EACCES: VERIFIER,
    // EINVAL above all: also for a helper that the kernel has not, or that lockdown forbids.
    '*': VERIFIER,
  },
  'attach the BPF program': { '*': 'run again with JOULES_LIBBPF_LOG=1 and report what libbpf says' },
  'open the perf event': {
    // perf_event_open(2) checks CAP_PERFMON even where BPF was allowed: seccomp, LSM, paranoid above 2.
    EACCES: 'run as root, or with CAP_PERFMON and kernel.perf_event_paranoid at most 2',
    EPERM: "run as root, or with CAP_PERFMON; a container's seccomp profile must allow perf_event_open",
    ENOENT: NO_EVENT,
    EINVAL: NO_EVENT,
    ERANGE: IMPOSSIBLE,
    EOPNOTSUPP: NO_EVENT,
    ENODEV: 'the CPU of the counter is offline: bring it online, or leave it out',
    ENOSPC: IN_USE,
    EBUSY: IN_USE,
  },
  'bind a counter': { EINVAL: IMPOSSIBLE, ERANGE: IMPOSSIBLE },
  'learn from a counter': { EINVAL: IMPOSSIBLE, ERANGE: IMPOSSIBLE },
  'calibrate a counter': { EBADF: 'bind it first', EINVAL: IMPOSSIBLE, ERANGE: IMPOSSIBLE },
  'run on the CPU of a counter': {
    EINVAL: 'it is offline, or outside our cpuset: bring it online, or run where all CPUs may be used',
  },
  'read the perf event': { EBUSY: IN_USE },
  'read the counter in BPF': { EBUSY: IN_USE, '*': NOT_IN_BPF },
  'drop privileges': {
    ETIMEDOUT: 'a thread takes no signals: unset UV_USE_IO_URING, or start it with fewer privileges',
    ENOENT: 'mount procfs at /proc',
    EPERM: NOT_DROPPED,
    '*': NOT_DROPPED,
  },
  'share a counter between so many CPUs': { '*': 'use scope=package' },
};

/** What to do, by error, wherever it came up. */
const BY_ERROR: Readonly<Record<string, string>> = {
  EPERM: "run as root, or with CAP_BPF and CAP_PERFMON; a container's seccomp profile must allow bpf as well",
  EACCES: 'run as root, or with CAP_BPF and CAP_PERFMON',
  ENOSYS:
    'the kernel was built without it (CONFIG_BPF_SYSCALL, CONFIG_PERF_EVENTS), or a seccomp profile hides it: ' +
    'use another kernel, or allow bpf and perf_event_open',
  ...SHORTAGES,
  ENOMEM: `${SHORTAGES.ENOMEM}, or lower max_tasks`,
  EBADF: 'open it first',
  EALREADY: 'close it first',
};

const OTHERWISE = 'run again with JOULES_LIBBPF_LOG=1 and report what libbpf says';

/** Steps that have advice of their own. */
export const STEPS: readonly string[] = [...Object.keys(BY_INPUT), ...Object.keys(BY_STEP)];

/** The error for a step of native/ that ended with -errno: a usage error where the user's input made it fail. */
export function nativeError(
  step: string,
  status: number,
  confined: () => boolean = inUserNamespace,
): EnergyError {
  const code = nameOf(status);
  const input = BY_INPUT[step];
  if (input !== undefined) return usageError(`cannot ${step} (${code}): ${input}`);
  const advice =
    code === 'EPERM' && confined()
      ? LEAVE_USER_NAMESPACE
      : (BY_STEP[step]?.[code] ?? BY_ERROR[code] ?? BY_STEP[step]?.['*'] ?? OTHERWISE);
  return new EnergyError(code, `cannot ${step} (${code}): ${advice}`);
}

/** libuv knows neither libbpf's own errors (4000 and up in libbpf.h) nor what the BPF syscall lets out. */
function nameOf(status: number): string {
  if (status <= -4000 && status > -4020) return 'ELIBBPF';
  return status === -524 ? 'ENOTSUPP' : getSystemErrorName(status);
}
