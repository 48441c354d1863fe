// SPDX-License-Identifier: Apache-2.0

/** Characters of one object. A pod of a hundred containers has some 200,000. */
const OBJECT_LIMIT = 1 << 20;

/**
 * The objects that begin at `depth` in a JSON text that comes in pieces, parsed one by one: a list of some MB
 * parsed as a whole would hold up the event loop for tens of ms.
 * @throws Error if one is too long, SyntaxError if one is no JSON.
 */
export async function* jsonObjects(pieces: AsyncIterable<string>, depth: number): AsyncGenerator {
  let level = 0;
  let quoted = false;
  let escaped = false;
  let begun = '';
  for await (const piece of pieces) {
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      const character = piece[i];
      if (escaped) escaped = false;
      else if (quoted && character === '\\') escaped = true;
      else if (character === '"') quoted = !quoted;
      else if (quoted) continue;
      else if (character === '{' || character === '[') {
        if (level++ === depth) start = i;
      } else if ((character === '}' || character === ']') && --level === depth) {
        yield JSON.parse(begun + piece.slice(start, i + 1));
        begun = '';
      }
    }
    if (level > depth) begun += piece.slice(start);
    if (begun.length > OBJECT_LIMIT) throw new Error(`an object of more than ${OBJECT_LIMIT} characters`);
  }
}

/** A value of unknown JSON, by a path of keys; undefined where there is none. */
export function dig(value: unknown, ...keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}
