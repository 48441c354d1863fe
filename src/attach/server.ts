// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Measurement } from '../snapshot/measure.ts';
import { attempt, readText } from '../util/files.ts';
import { groupNumber, listenOn } from '../util/unix-socket.ts';
import { admission } from './admission.ts';
import { BOUNDS, type Bounds } from './bounds.ts';
import { Hub } from './hub.ts';
import { ALL_SOCKET, ATTACH_SCHEMA, type AttachScope, SELF_SOCKET } from './protocol.ts';

export interface AttachServerOptions {
  readonly directory: string;
  /** Where the procfs is that shows the processes of the pid namespace that rows name. */
  readonly proc: string;
  readonly version: string;
  /** How often it measures. */
  readonly intervalMs: number;
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
    interval_ms: options.intervalMs,
  } as const;
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const paths: string[] = [];
  for (const { name, mode, group, scopes } of SOCKETS) {
    const path = join(directory, name);
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      admit(socket);
    });
    const admit = admission({ hub, proc, greeting, scopes, bounds: options.bounds ?? BOUNDS }, server);
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
