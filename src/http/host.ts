// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { isIP } from 'node:net';

/**
 * Whether a request that arrived at `localAddress` may name this `host` (the Host header).
 *
 * A web page can have a name of its own resolved to 127.0.0.1 and then read what is served there as if it were
 * its own (DNS rebinding). Such a request names the page's host. Addresses cannot be rebound, and what came
 * over the network was opened to the network by whoever configured the address: those names are theirs.
 */
export function isExpectedHost(
  host: string | undefined,
  localAddress: string | undefined,
  configured: string,
): boolean {
  // Clients of HTTP/1.0 send none; browsers always do.
  if (host === undefined || !isLoopback(localAddress ?? '')) return true;
  const name = nameOf(host);
  if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost')) return true;
  const own = hostname().toLowerCase();
  // Debian resolves a machine's own name to 127.0.1.1.
  return name === configured.toLowerCase() || name === own || name === own.split('.', 1)[0];
}

/** `[::1]:9464` is `::1`, `localhost:9464` and `localhost.` are `localhost`. */
function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  if (bracketed) return bracketed[1]!;
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}

/** Whether only this machine reaches an address that is listened on. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address);
}
