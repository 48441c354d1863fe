// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../util/files.ts';

/** Inode of the first user namespace: PROC_USER_INIT_INO in include/linux/proc_ns.h. */
const FIRST_USER_NAMESPACE = 0xeffffffd;

/** Whether we are root in a user namespace alone, whose capabilities do not count for BPF and perf events. */
export function inUserNamespace(proc: string = '/proc'): boolean {
  const namespace = attempt(() => statSync(join(proc, 'self/ns/user')).ino);
  return namespace !== undefined && namespace !== FIRST_USER_NAMESPACE;
}

/** What to do about that. */
export const LEAVE_USER_NAMESPACE: string =
  "the capabilities of a user namespace do not count for that: run as the host's root, or with CAP_BPF and " +
  'CAP_PERFMON there (no rootless container, no userns-remap)';
