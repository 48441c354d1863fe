// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import type { Kind } from './kinds.ts';

export interface TcpAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Whether OTEL_EXPORTER_PROMETHEUS_HOST and _PORT say so, or what holds without them, and no option. */
  readonly isOfVariables?: true;
}

export interface UnixAddress {
  readonly path: string;
  readonly mode: number;
  /** Its name or number; undefined: ours. */
  readonly group: string | undefined;
}

/** What may be listened on. */
export type Address = TcpAddress | UnixAddress;

/** `HOST:PORT`, an IPv6 address in brackets. */
const TCP = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:,/\s]+)):(?<port>\d{1,5})$/;
/** The kernel takes 107 bytes of a path. */
const UNIX = /^unix:(?<path>\/[^\0,]{1,106}?)(?:,mode=(?<mode>0?[0-7]{3}))?(?:,group=(?<group>[\w.-]+))?$/;

/** What an address says; undefined if it says none. */
export function parseAddress(text: string): Address | undefined {
  const unix = UNIX.exec(text)?.groups;
  if (unix) {
    const { path, group, mode = group === undefined ? '600' : '660' } = unix;
    return { path: path!, mode: Number.parseInt(mode, 8), group };
  }
  const tcp = TCP.exec(text)?.groups;
  if (!tcp || Number(tcp['port']) > 65_535) return undefined;
  return { host: (tcp['v6'] ?? tcp['host'])!, port: Number(tcp['port']) };
}

export function address(): Kind<string> {
  return {
    takes: 'HOST:PORT or unix:/PATH[,mode=MODE][,group=GROUP]',
    parse: (given) => given,
    schema: v.pipe(
      v.string(),
      v.check((given) => parseAddress(given) !== undefined),
    ),
  };
}
