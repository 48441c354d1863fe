// SPDX-License-Identifier: Apache-2.0

/** What peers can make an agent spend on them. */
export interface Bounds {
  /** Connections, and those of one user. */
  readonly peers: number;
  readonly peersOfUser: number;
  /** New connections of one user, at once and each second. */
  readonly connectBurst: number;
  readonly connectPerSecond: number;
  /** Refusals in a tenth of a second that are told why; what comes then is closed, whoever it is. */
  readonly refusals: number;
  /** Of a request. */
  readonly lineBytes: number;
  /** Of answers that are not read yet, beyond which no request is taken. */
  readonly unsentBytes: number;
  /** Requests of a connection, at once and each second. */
  readonly burst: number;
  readonly perSecond: number;
  /** The longest without a request, or with answers that are not read. */
  readonly idleMs: number;
  /** The longest that a connection is kept which has been ended. */
  readonly farewellMs: number;
}

/** Of each of the two sockets. */
export const BOUNDS: Bounds = {
  peers: 64,
  peersOfUser: 8,
  connectBurst: 32,
  connectPerSecond: 8,
  refusals: 300,
  lineBytes: 1024,
  unsentBytes: 65_536,
  burst: 64,
  perSecond: 50,
  idleMs: 30_000,
  farewellMs: 1000,
};
