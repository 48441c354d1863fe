// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { chmodSync, chownSync, lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';

/** Begins to listen on a path, where a socket may be that nobody listens on any more. Rejects with the system's error. */
export async function listenOn(
  server: Server,
  { path, mode, gid }: { readonly path: string; readonly mode: number; readonly gid?: number | undefined },
  backlog: number,
): Promise<void> {
  await removeStale(path);
  // Nobody may connect before it has the mode and the group that it is to have.
  const umask = process.umask(0o177);
  try {
    const listening = once(server, 'listening');
    server.listen({ path, backlog });
    await listening;
    if (gid !== undefined) chownSync(path, process.geteuid!(), gid);
    chmodSync(path, mode);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    process.umask(umask);
  }
}

/** A socket that nobody listens on was left by a process that was killed. */
async function removeStale(path: string): Promise<void> {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const probe = connect(path);
  const refused = await once(probe, 'connect').then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );
  probe.destroy();
  if (refused) unlinkSync(path);
}

/** Number of a group of /etc/group; undefined where there is none of that name. */
export function groupNumber(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${group}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}
