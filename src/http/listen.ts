// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { isIPv6, type AddressInfo, type Server } from 'node:net';
import { EnergyError, EXIT_USAGE, usageError } from '../model/errors.ts';
import type { Address, TcpAddress, UnixAddress } from '../settings/address.ts';
import { groupNumber, listenOn } from '../util/unix-socket.ts';
import { isLoopback } from './host.ts';

/** What a server listens on. */
export interface Bound {
  /** `127.0.0.1:9464`, or `unix:/run/joules.sock`. */
  readonly name: string;
  /** Whether other machines may reach it. */
  readonly isExposed: boolean;
}

/**
 * Connections that the kernel takes on beside the event loop. One that finds no room there comes again after 1 s, and
 * then 2 s more.
 */
const BACKLOG = 511;

/** Begins to listen: the system resolves names, and chooses the port for port 0. @throws EnergyError, exit status 2. */
export async function listen(server: Server, address: Address): Promise<Bound> {
  return 'path' in address ? await listenUnix(server, address) : await listenTcp(server, address);
}

async function listenTcp(server: Server, { host, port, isOfVariables }: TcpAddress): Promise<Bound> {
  const name = (chosen: number): string => `${isIPv6(host) ? `[${host}]` : host}:${chosen}`;
  try {
    const listening = once(server, 'listening');
    server.listen({ host, port, backlog: BACKLOG });
    await listening;
  } catch (error) {
    const advice = (code: string): string =>
      code === 'EADDRINUSE'
        ? `the port is in use, set ${isOfVariables ? 'OTEL_EXPORTER_PROMETHEUS_PORT or ' : ''}--listen to a free one`
        : `${code}, set ${isOfVariables ? 'OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT (or --listen)' : '--listen'} to an address of this machine`;
    throw cannotServe(name(port), error, advice);
  }
  const bound = server.address() as AddressInfo;
  return { name: name(bound.port), isExposed: !isLoopback(bound.address) };
}

async function listenUnix(server: Server, { path, mode, group }: UnixAddress): Promise<Bound> {
  const gid = group === undefined ? undefined : groupNumber(group);
  if (group !== undefined && gid === undefined)
    throw usageError(`--listen: there is no group ${group} in /etc/group: use one, or its number`);
  try {
    await listenOn(server, { path, mode, gid }, BACKLOG);
  } catch (error) {
    throw cannotServe(`unix:${path}`, error, (code) =>
      code === 'EADDRINUSE'
        ? 'it is there already, and in use or no socket: give another path to --listen'
        : `${code}, give --listen a path in a directory where we may make a socket, and a group of ours`,
    );
  }
  return { name: `unix:${path}`, isExposed: false };
}

function cannotServe(name: string, error: unknown, advice: (code: string) => string): EnergyError {
  const code = (error as NodeJS.ErrnoException).code ?? 'EUSAGE';
  return new EnergyError(code, `cannot serve metrics on ${name}: ${advice(code)}`, EXIT_USAGE, {
    cause: error,
  });
}
