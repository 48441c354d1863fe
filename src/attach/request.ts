// SPDX-License-Identifier: Apache-2.0
import { attempt } from '../util/files.ts';
import { ATTACH_SCOPES, type AttachScope, type Request } from './protocol.ts';

const MAX_ID = 64;

/** Reads a line as a request. Or tells what is wrong with it, with its id if it has one. */
export function parseRequest(
  line: string,
): Request | { readonly id: Request['id'] | null; readonly wrong: string } {
  const given: unknown = attempt(() => JSON.parse(line));
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return { id: null, wrong: 'a request is an object of JSON in one line' };
  const { id, scope, next = false } = given as Readonly<Record<string, unknown>>;
  if (!isId(id)) return { id: null, wrong: `id is a number, or a text of ${MAX_ID} characters at most` };
  if (!ATTACH_SCOPES.includes(scope as AttachScope))
    return { id, wrong: `scope is one of ${ATTACH_SCOPES.join(', ')}` };
  if (typeof next !== 'boolean') return { id, wrong: 'next is true or false' };
  return { id, scope: scope as AttachScope, next };
}

function isId(id: unknown): id is Request['id'] {
  return typeof id === 'string' ? id.length <= MAX_ID : Number.isFinite(id);
}
