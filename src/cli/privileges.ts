// SPDX-License-Identifier: Apache-2.0
import type { Capability } from '../host/capabilities.ts';

/** What `joules doctor` says of what we may do. */
export interface Privileges {
  readonly name: string;
  readonly ok: boolean | null;
  readonly detail: string;
}

const MEASURING = ['CAP_BPF', 'CAP_PERFMON'] as const;

/** What grants all: to a user who is not root, and to a container, to which Kubernetes gives nothing unless it is root. */
const GRANTS: readonly Privileges[] = [
  [
    'systemd',
    'AmbientCapabilities=CAP_BPF CAP_PERFMON CAP_SYS_PTRACE with CapabilityBoundingSet= of the same in the unit',
  ],
  [
    'Kubernetes',
    'hostPID: true, and securityContext: {runAsUser: 0, capabilities: {drop: [ALL], add: [BPF, PERFMON, SYS_PTRACE]}}',
  ],
].map(([name, detail]) => ({ name: name!, ok: null, detail: detail! }));

/** Of the effective capabilities, undefined where they are not known: whether we may measure, what we may not see, and, where something is missing, which line grants it. */
export function privileges(held: ReadonlySet<Capability> | undefined): readonly Privileges[] {
  if (held === undefined) {
    const detail = 'not known, since /proc/self/status cannot be read: mount procfs at /proc';
    return [{ name: 'privileges', ok: null, detail }];
  }
  // The kernel takes CAP_SYS_ADMIN for either of the two.
  const missing = MEASURING.filter((one) => !held.has(one) && !held.has('CAP_SYS_ADMIN'));
  const measuring =
    missing.length === 0
      ? { name: 'privileges', ok: true, detail: MEASURING.join(' and ') }
      : {
          name: 'privileges',
          ok: false,
          detail: `${missing.join(' and ')} missing: run as root, or grant them as below`,
        };
  const names = {
    name: 'full names',
    ok: false,
    detail:
      "CAP_SYS_PTRACE missing: other users' programs that run already have the names of 15 characters that the " +
      'kernel keeps; ' +
      'it is granted as below',
  };
  const findings = held.has('CAP_SYS_PTRACE') ? [measuring] : [measuring, names];
  return findings.every(({ ok }) => ok) ? findings : [...findings, ...GRANTS];
}
