// SPDX-License-Identifier: Apache-2.0

/** One element of an Accept or Accept-Encoding header (RFC 9110, 12.5). */
interface Range {
  /** In lower case: `text/plain`, `gzip`, `*`. */
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Characters of a header that are looked at: Node takes headers of up to 8 kB. */
const HEADER_LIMIT = 2048;

function ranges(header: string): Range[] {
  return header
    .slice(0, HEADER_LIMIT)
    .toLowerCase()
    .split(',')
    .map((element) => {
      const [name = '', ...pairs] = element.split(';').map((part) => part.trim());
      const parameters = new Map(
        pairs.map((pair) => {
          const at = pair.indexOf('=');
          const value = pair.slice(at + 1).trim();
          return [pair.slice(0, at).trim(), value.replace(/^"(.*)"$/, '$1')] as const;
        }),
      );
      const quality = Number(parameters.get('q') ?? 1);
      return { name, parameters, quality: quality >= 0 && quality <= 1 ? quality : 0 };
    });
}

/**
 * How much a client wants a media type, 0 (not at all) to 1, by the most specific of its ranges that matches.
 * A range that asks for another `version` does not match; one that names no version matches every one.
 * `named` is whether the client named the type itself, not by a wildcard.
 */
export function mediaQuality(
  accept: string,
  type: string,
  version: string,
): { readonly quality: number; readonly named: boolean } {
  const [family = ''] = type.split('/', 1);
  let best = { specificity: -1, quality: 0 };
  for (const { name, parameters, quality } of ranges(accept)) {
    const asked = parameters.get('version');
    if (asked !== undefined && asked !== version) continue;
    const specificity =
      name === type ? (asked === undefined ? 2 : 3) : name === `${family}/*` ? 1 : name === '*/*' ? 0 : -1;
    if (specificity < 0 || specificity < best.specificity) continue;
    // Of two that are equally specific the client means the one that it wants more.
    best = {
      specificity,
      quality: specificity > best.specificity ? quality : Math.max(quality, best.quality),
    };
  }
  return { quality: best.quality, named: best.specificity >= 2 };
}

/** Whether an Accept-Encoding header allows gzip. */
export function acceptsGzip(acceptEncoding: string): boolean {
  const known = ranges(acceptEncoding);
  const range = known.find(({ name }) => name === 'gzip' || name === 'x-gzip') ??
    known.find(({ name }) => name === '*') ?? { quality: 0 };
  return range.quality > 0;
}
