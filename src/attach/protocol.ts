// SPDX-License-Identifier: Apache-2.0
// What goes through the agent's sockets, a line of JSON each; docs/attach.md has it in words and as a JSON Schema. The client
// is for programs that have none of our dependencies, so nothing but types is imported here.
import type { Snapshot } from '../model/snapshot.ts';

/** Counted up by whoever changes what is there; what is added changes nothing. */
export const ATTACH_SCHEMA = 'joules.attach/1';

/** Where the sockets are, and their names there. */
export const SOCKET_DIRECTORY = '/run/joules';
export const SELF_SOCKET = 'attach.sock';
export const ALL_SOCKET = 'attach-all.sock';

export const ATTACH_SCOPES = ['self', 'container', 'all'] as const;
export type AttachScope = (typeof ATTACH_SCOPES)[number];

/** Why there is no answer. After the last four, and where a greeting has one, the agent ends the connection. */
export type RefusalCode =
  /** The line is no request. */
  | 'bad_request'
  /** Not through this socket, or not for what is in a pid namespace of its own. */
  | 'forbidden'
  /** The process is in no container that is known as one. */
  | 'no_container'
  /** The process cannot be seen from where the agent runs. */
  | 'not_visible'
  /** There are too many connections, of all or of this user. */
  | 'busy'
  /** It has another user, group or more capabilities now than when it connected. */
  | 'changed'
  /** A line is longer than any request. */
  | 'too_long'
  /** Nothing was asked for, or answers were not read, for too long. */
  | 'idle';

export interface Refusal {
  readonly code: RefusalCode;
  /** For people. */
  readonly message: string;
}

/** The first line of a connection. */
export interface Greeting {
  readonly schema: typeof ATTACH_SCHEMA;
  /** Another one: sums begin anew. `started` is when it began, ISO 8601. */
  readonly agent: { readonly id: string; readonly version: string; readonly started: string };
  /** boot_id of the kernel. */
  readonly boot: string;
  /** Of the process that is connected, in the agent's pid namespace; null: it is not seen there. */
  readonly pid: number | null;
  /** There is nothing newer sooner, ms. */
  readonly min_age_ms: number;
  /** There is something newer as often at least, ms. */
  readonly interval_ms: number;
  readonly scopes: readonly AttachScope[];
}

export interface Request {
  readonly id: number | string;
  readonly scope: AttachScope;
  /** Answered when there is something newer than what was answered last; else at once, where there is anything. */
  readonly next: boolean;
}

/** All that was used since `since`: it only grows, until `since` changes. */
export interface Sum {
  readonly since: string;
  /** What all intervals take together that are in it. */
  readonly elapsed_s: number;
  readonly energy_j: number;
  /** As in snapshots, added up; null where it is not known. */
  readonly energy_err_j: number | null;
  readonly cpu_time_s: number;
}

/** An answer to `self`, and, with `container`, to `container`. */
export interface Reading {
  /** End of the last interval that is in it. */
  readonly time: string;
  /** Counts intervals; those that several readings have the same number of are the same. */
  readonly seq: number;
  readonly source: Snapshot['source'];
  readonly process: Sum & { readonly pid: number };
  readonly container?: Sum & { readonly id: string };
}

/** An answer to `all`: one interval. Where `seq` jumps, some were missed. */
export interface Interval {
  readonly seq: number;
  readonly snapshot: Snapshot;
}

export type Answer = { readonly id: number | string } & (
  { readonly reading: Reading } | { readonly interval: Interval } | { readonly error: Refusal }
);
