// SPDX-License-Identifier: Apache-2.0
import type { Server, Socket } from 'node:net';
import type { Bounds } from './bounds.ts';
import type { Hub } from './hub.ts';
import { askPeer, type Identity, identify } from './peer.ts';
import type { AttachScope, Greeting, RefusalCode } from './protocol.ts';
import { Session } from './session.ts';

export interface AdmissionOptions {
  readonly hub: Hub;
  readonly proc: string;
  readonly greeting: Omit<Greeting, 'pid' | 'scopes'>;
  readonly scopes: readonly AttachScope[];
  readonly bounds: Bounds;
}

/** Users that are remembered; one more, and those without a connection are forgotten. */
const MOST_USERS = 1024;

/** So long refusals are counted, ms. */
const REFUSALS_MS = 100;
/** Node takes 0 for no limit. */
const NONE = -1;

interface User {
  connections: number;
  /** Connections that it may make now. */
  tokens: number;
  filledMs: number;
}

/** Lets connections to one socket in, as many as there may be, and greets them. */
export function admission(options: AdmissionOptions, server: Server): (socket: Socket) => void {
  const { hub, proc, greeting, scopes, bounds } = options;
  const users = new Map<number, User>();
  let all = 0;
  let refusals = 0;

  /** Nothing is left of it: there may be many. The line fits what the kernel keeps. */
  const refuse = (socket: Socket, code: RefusalCode, message: string): void => {
    socket.write(`${JSON.stringify({ schema: greeting.schema, error: { code, message } })}\n`);
    socket.destroySoon();
    if (++refusals === 1) setTimeout(forgive, REFUSALS_MS).unref();
    // Node then closes what comes before it makes a socket of it, which would be garbage for long.
    if (refusals >= bounds.refusals) server.maxConnections = NONE;
  };
  const forgive = (): void => {
    refusals = 0;
    server.maxConnections = Infinity;
  };

  const enter = (socket: Socket, identity: Identity, user: User): void => {
    const { process, isNested } = identity;
    all++;
    user.connections++;
    if (process) hub.accounts.attach(process);
    const its = scopes.filter((scope) => (scope === 'all' ? !isNested : process !== undefined));
    socket.write(`${JSON.stringify({ ...greeting, pid: process?.pid ?? null, scopes: its })}\n`);
    const session = new Session({ socket, hub, identity, scopes: its, proc, bounds });
    const leave = hub.join(() => session.announce(), its.includes('all'));
    socket.once('close', () => {
      leave();
      if (process) hub.accounts.detach(process);
      all--;
      user.connections--;
    });
  };

  return (socket) => {
    socket.on('error', () => {});
    if (all >= bounds.peers) return refuse(socket, 'busy', `there are ${bounds.peers} connections already`);
    // Before anything is looked up for it.
    const peer = askPeer(socket);
    const user = peer && userOf(users, peer.uid, bounds);
    const why = user && surplusOf(user, bounds);
    if (why !== undefined) {
      peer!.release();
      return refuse(socket, 'busy', `user ${peer!.uid} ${why}`);
    }
    const identity = peer && identify(peer, proc);
    if (!identity)
      return refuse(socket, 'changed', 'the process that connected is not there, or not its user');
    return enter(socket, identity, user!);
  };
}

function userOf(users: Map<number, User>, uid: number, { connectBurst, connectPerSecond }: Bounds): User {
  const nowMs = performance.now();
  let user = users.get(uid);
  if (!user) {
    if (users.size >= MOST_USERS)
      for (const [id, { connections }] of users) if (connections === 0) users.delete(id);
    user = { connections: 0, tokens: connectBurst, filledMs: nowMs };
    users.set(uid, user);
  }
  const filled = user.tokens + ((nowMs - user.filledMs) * connectPerSecond) / 1000;
  user.tokens = Math.min(connectBurst, filled);
  user.filledMs = nowMs;
  return user;
}

/** Why a user may not make another connection now; undefined: it may, and has. */
function surplusOf(user: User, { peersOfUser }: Bounds): string | undefined {
  if (user.connections >= peersOfUser) return `has ${peersOfUser} connections already`;
  if (user.tokens < 1) return 'makes too many connections';
  user.tokens--;
  return undefined;
}
