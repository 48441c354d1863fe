// SPDX-License-Identifier: Apache-2.0
import { closeSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { readAtOnce, readStartTicks } from '../host/procfs.ts';
import { type Peer, peerOf } from '../probe/addon.ts';
import { attempt } from '../util/files.ts';
import type { AttachedProcess } from './accounts.ts';

/** Who is connected: a process that can be told from any other, or, where it is not seen from here, just a user. */
export interface Identity {
  readonly uid: number;
  readonly process: AttachedProcess | undefined;
  /** It is in a pid namespace below the agent's, as a container's root is who may be the machine's; or that is not known. */
  readonly isNested: boolean;
  /** Users, groups and capabilities that the process had when it connected. */
  readonly standing: string | undefined;
}

/** Who connected, as the kernel noted it then. */
export type Connected = Peer & { readonly release: () => void };

/** To be released, or identified. undefined where the process has ended. */
export function askPeer(socket: Socket): Connected | undefined {
  // Node tells the descriptor of a connection nowhere else.
  const { fd } = (socket as Socket & { readonly _handle?: { readonly fd?: number } })._handle ?? {};
  const peer = fd === undefined || fd < 0 ? undefined : attempt(() => peerOf(fd));
  if (!peer) return undefined;
  const release = (): void => {
    if (peer.process >= 0) closeSync(peer.process);
  };
  return { ...peer, release };
}

/** Tells whose connection it is, and releases what it is told by. undefined where the process has ended, or another user by now. */
export function identify(peer: Connected, proc: string): Identity | undefined {
  const { pid, uid, gid } = peer;
  try {
    if (pid === 0) return { uid, process: undefined, isNested: true, standing: undefined };
    const ticks = readStartTicks(proc, pid);
    const status = attempt(() => readAtOnce(`${proc}/${pid}/status`)) ?? '';
    const standing = standingIn(status);
    // Asked after what was read: if it still is that process, that was its own.
    const info = peer.process < 0 ? undefined : fdinfo(peer.process);
    if (info !== undefined && Number(/^Pid:\s*(-?\d+)$/m.exec(info)?.[1]) !== pid) return undefined;
    const isNested = !/^NSpid:\s*\d+$/m.test(info ?? status);
    // Procfs is mounted in a way that shows no processes of others (hidepid).
    if (ticks === undefined) return { uid, process: undefined, isNested, standing };
    // Kernels that give no descriptor of the process may have given its pid to another: no other user's, at least.
    if (standing === undefined || !isOf(standing, uid, gid)) return undefined;
    return { uid, process: { pid, startTicks: ticks }, isNested, standing };
  } finally {
    peer.release();
  }
}

/**
 * Whether a process is who it was when it connected. What became another user's by an exec or a setuid(2) is theirs from
 * then on, and a child that has kept the connection is not to learn what they use.
 */
export function isUnchanged({ process, standing }: Identity, proc: string): boolean {
  if (!process) return true;
  const now = standingIn(attempt(() => readAtOnce(`${proc}/${process.pid}/status`)) ?? '');
  return readStartTicks(proc, process.pid) === process.startTicks && now !== undefined && now === standing;
}

/** `Uid:`, `Gid:` and `CapPrm:` of PID/status; a process of fewer capabilities than it had is another one, too. */
function standingIn(status: string): string | undefined {
  const lines = status.match(/^(?:Uid|Gid|CapPrm):.*$/gm);
  return lines?.length === 3 ? lines.join('\n') : undefined;
}

/** Whether a process has this effective user and group. */
function isOf(standing: string, uid: number, gid: number): boolean {
  const [, user] = /^Uid:\s*\d+\s+(\d+)/m.exec(standing) ?? [];
  const [, group] = /^Gid:\s*\d+\s+(\d+)/m.exec(standing) ?? [];
  return Number(user) === uid && Number(group) === gid;
}

/** What the kernel tells of a descriptor of a process: its pid, -1 where it has ended, and those in namespaces below ours. */
function fdinfo(process: number): string {
  return attempt(() => readFileSync(`/proc/self/fdinfo/${process}`, 'latin1')) ?? '';
}
