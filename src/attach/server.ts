// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Measurement } from '../snapshot/measure.ts';
import { attempt, readText } from '../util/files.ts';
import { groupNumber, listenOn } from '../util/unix-socket.ts';
import { BOUNDS, type Bounds } from './bounds.ts';
import { Hub } from './hub.ts';
import { type Identity, identify } from './peer.ts';
import {
  ALL_SOCKET,
  ATTACH_SCHEMA,
  type AttachScope,
  type Greeting,
  type Refusal,
  SELF_SOCKET,
} from './protocol.ts';
import { Session } from './session.ts';

export interface AttachServerOptions {
  readonly directory: string;
  /** Where the procfs is that shows the processes of the pid namespace that rows name. */
  readonly proc: string;
  readonly version: string;
  /** Takes a line where a socket cannot be made. */
  readonly log: (line: string) => void;
  readonly leastAgeMs?: number;
  readonly bounds?: Bounds;
}

export interface AttachServer {
  /** Paths of the sockets that there are. */
  readonly paths: readonly string[];
  /** Takes an interval in. */
  add(measurement: Pick<Measurement, 'snapshot' | 'charges'>): void;
  /** Cuts all connections, and removes the sockets. */
  close(): Promise<void>;
}

/** As for all whom the agent shows figures: see SECURITY.md. */
const LEAST_AGE_MS = 1000;
const BACKLOG = 128;
const GROUP = 'joules';

/** The two sockets: who may open which is what the modes of their files say. */
const SOCKETS: readonly { name: string; mode: number; group?: string; scopes: readonly AttachScope[] }[] = [
  { name: SELF_SOCKET, mode: 0o666, scopes: ['self', 'container'] },
  { name: ALL_SOCKET, mode: 0o660, group: GROUP, scopes: ['self', 'container', 'all'] },
];

/** Serves what is measured to processes that have no privilege. Without a directory to listen in it says so and serves nobody. */
export async function serveAttach(options: AttachServerOptions): Promise<AttachServer> {
  const { directory, proc, leastAgeMs = LEAST_AGE_MS, log } = options;
  const hub = new Hub({ proc, leastAgeMs });
  const greeting = {
    schema: ATTACH_SCHEMA,
    agent: { id: randomUUID(), version: options.version, started: new Date().toISOString() },
    boot: readText(join(proc, 'sys/kernel/random/boot_id')) ?? '',
    min_age_ms: leastAgeMs,
  } as const;
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const paths: string[] = [];
  for (const { name, mode, group, scopes } of SOCKETS) {
    const path = join(directory, name);
    const admit = admission({ hub, proc, greeting, scopes, bounds: options.bounds ?? BOUNDS });
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      admit(socket);
    });
    try {
      makeDirectory(directory);
      const gid = group === undefined ? undefined : attempt(() => groupNumber(group));
      await listenAs(server, { path, mode, gid });
      servers.push(server.unref());
      paths.push(path);
    } catch (error) {
      const { code = 'EIO' } = error as NodeJS.ErrnoException;
      const why = code === 'EADDRINUSE' ? 'another agent serves it' : code;
      log(`no program can attach at ${path} (${why}): give --socket-dir another directory, or none`);
      break;
    }
  }
  return {
    paths,
    add: (measurement) => hub.add(measurement),
    async close() {
      const closed = servers.map((server) => once(server, 'close'));
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

function makeDirectory(directory: string): void {
  if (mkdirSync(directory, { recursive: true, mode: 0o755 }) !== undefined) chmodSync(directory, 0o755);
}

/** Whoever may not give files to the group keeps them for the own one. */
async function listenAs(
  server: Server,
  { gid, ...socket }: { path: string; mode: number; gid: number | undefined },
): Promise<void> {
  try {
    await listenOn(server, { ...socket, gid }, BACKLOG);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM' || gid === undefined) throw error;
    await listenOn(server, socket, BACKLOG);
  }
}

interface AdmissionOptions {
  readonly hub: Hub;
  readonly proc: string;
  readonly greeting: Omit<Greeting, 'pid' | 'scopes'>;
  readonly scopes: readonly AttachScope[];
  readonly bounds: Bounds;
}

/** Lets connections in, as many as there may be, and greets them. */
function admission({ hub, proc, greeting, scopes, bounds }: AdmissionOptions): (socket: Socket) => void {
  const peers = new Map<number, number>();
  let all = 0;

  const refuse = (socket: Socket, error: Refusal): void => {
    socket.on('error', () => {});
    socket.end(`${JSON.stringify({ schema: greeting.schema, error })}\n`, () => socket.destroy());
    setTimeout(() => socket.destroy(), bounds.farewellMs).unref();
  };

  const enter = (socket: Socket, identity: Identity): void => {
    const { uid, process } = identity;
    all++;
    peers.set(uid, (peers.get(uid) ?? 0) + 1);
    if (process) hub.accounts.attach(process);
    const its = scopes.filter((scope) => scope === 'all' || process !== undefined);
    socket.on('error', () => {});
    socket.write(`${JSON.stringify({ ...greeting, pid: process?.pid ?? null, scopes: its })}\n`);
    const session = new Session({ socket, hub, identity, scopes: its, proc, bounds });
    const leave = hub.join(() => session.announce(), scopes.includes('all'));
    socket.once('close', () => {
      leave();
      if (process) hub.accounts.detach(process);
      all--;
      const left = peers.get(uid)! - 1;
      if (left > 0) peers.set(uid, left);
      else peers.delete(uid);
    });
  };

  return (socket) => {
    if (all >= bounds.peers)
      return refuse(socket, { code: 'busy', message: `there are ${bounds.peers} connections already` });
    const identity = identify(socket, proc);
    if (!identity)
      return refuse(socket, {
        code: 'changed',
        message: 'the process that connected is not there, or not its user',
      });
    if ((peers.get(identity.uid) ?? 0) >= bounds.peersOfUser) {
      const message = `user ${identity.uid} has ${bounds.peersOfUser} connections already`;
      return refuse(socket, { code: 'busy', message });
    }
    return enter(socket, identity);
  };
}
