// SPDX-License-Identifier: Apache-2.0
import { createHash, timingSafeEqual } from 'node:crypto';
import { serial } from '../util/serial.ts';

/**
 * Who may ask: whoever has the token, or one of the passwords. A browser asks people for a password and cannot send a
 * bearer token: there the token is the password, of any user.
 */
export interface Credentials {
  readonly token: string | undefined;
  /** Hashes of bcrypt by the names of users. */
  readonly users: ReadonlyMap<string, string> | undefined;
}

/** `busy`: too many guesses at a time, none is looked at. */
export type Verdict = 'allowed' | 'denied' | 'busy';

export interface Gate {
  /** What the Authorization header of a request is worth. */
  readonly judge: (authorization: string | undefined) => Promise<Verdict>;
  /** Value of WWW-Authenticate. */
  readonly challenge: string;
}

/** A hash of bcrypt takes a tenth of a second of a CPU: one at a time, and no more than these wait. */
const MOST_WAITING = 8;
/** Passwords that were right are not computed again: these, as many as there are scrapers. */
const MOST_KNOWN = 16;

/** undefined: anybody may ask. */
export function gateOf({ token, users }: Credentials): Gate | undefined {
  if (token === undefined && users === undefined) return undefined;
  const bearer = token === undefined ? undefined : digest(token);
  const schemes = ['Basic realm="joules", charset="UTF-8"', ...(bearer ? ['Bearer'] : [])];
  const isToken = (given: string): boolean => bearer !== undefined && timingSafeEqual(digest(given), bearer);
  const inTurn = serial();
  // Now, while we may still read all files, and for those who have passwords alone.
  const bcrypt = users && import('bcryptjs');
  const known = new Set<string>();
  let waiting = 0;

  async function basic(encoded: string): Promise<Verdict> {
    const [, name = '', password = ''] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString('utf8')) ?? [];
    if (isToken(password)) return 'allowed';
    if (users === undefined) return 'denied';
    const key = digest(encoded).toString('hex');
    if (known.has(key)) return 'allowed';
    if (waiting >= MOST_WAITING) return 'busy';
    waiting++;
    // Whether there is a user of some name does not show in the time that an answer takes.
    const [someHash = ''] = users.values();
    const isRight = await inTurn(async () =>
      (await bcrypt!).compare(password, users.get(name) ?? someHash),
    ).finally(() => waiting--);
    if (!isRight || !users.has(name)) return 'denied';
    if (known.size >= MOST_KNOWN) known.clear();
    known.add(key);
    return 'allowed';
  }

  return {
    challenge: schemes.join(', '),
    async judge(authorization = '') {
      const [, scheme = '', given = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
      if (/^basic$/i.test(scheme)) return await basic(given);
      return /^bearer$/i.test(scheme) && isToken(given) ? 'allowed' : 'denied';
    },
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
