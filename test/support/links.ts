// SPDX-License-Identifier: Apache-2.0
// Links of Markdown documents: what they are, and which of them lead nowhere.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** A link as it is written, without `<>` and title. */
export type Target = string;

/** Code is no place for links and headings; of a code span the ticks are left, as its text may be a link's. */
function withoutCode(text: string): string {
  return withoutFences(text).replaceAll(/`[^`\n]+`/g, '`code`');
}

function withoutFences(text: string): string {
  return text.replaceAll(/^( *)(```+|~~~+)[^]*?^\1?\2 *$/gm, '');
}

/** All targets of a document: of links, of definitions, and of HTML. */
export function targetsOf(text: string): Target[] {
  const plain = withoutCode(text);
  const inline = plain.matchAll(/\]\(\s*<?([^)\s>]*)>?(?:\s+"[^"]*")?\s*\)/g);
  const html = plain.matchAll(/\b(?:src|srcset|href)="([^"]*)"/g);
  return [...[...inline, ...html].map(([, target]) => target!), ...definitionsOf(plain).values()];
}

function definitionsOf(plain: string): ReadonlyMap<string, Target> {
  const found = plain.matchAll(/^\[([^\]]+)\]:[ \t]+(\S+)/gm);
  return new Map([...found].map(([, name, target]) => [name!.toLowerCase(), target!]));
}

const EMPHASIS = /(?<![\p{L}\p{N}])_([^_]+)_(?![\p{L}\p{N}])/gu;

/** Names by which a document's headings are linked to, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Map<string, number>();
  for (const [, heading] of withoutFences(text).matchAll(/^#{1,6} +(.+?)(?: +#+)? *$/gm)) {
    const words = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(EMPHASIS, '$1');
    const slug = words
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
      .replaceAll(' ', '-');
    const before = anchors.get(slug) ?? 0;
    anchors.set(slug, before + 1);
    if (before > 0) anchors.set(`${slug}-${before}`, 1);
  }
  return new Set(anchors.keys());
}

/** The Markdown documents among `paths` below `root`: files, and what is in folders. */
export function documentsIn(root: string, paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!statSync(join(root, path)).isDirectory()) return path.endsWith('.md') ? [path] : [];
    const names = readdirSync(join(root, path), { recursive: true, encoding: 'utf8' });
    return names.filter((name) => name.endsWith('.md')).map((name) => join(path, name));
  });
}

export function isExternal(target: Target): boolean {
  return /^[a-z][a-z+.-]*:/i.test(target);
}

/** What a document links to, by its path below the root; one that begins with `..` is elsewhere. */
export function fileOf(document: string, target: Target): string {
  const [path] = target.split('#');
  return path === '' ? document : join(dirname(document), decodeURI(path!));
}

/** What is wrong with the links of a document below `root`, a line each. External ones are not asked for. */
export function faultsOf(root: string, document: string): string[] {
  const text = readFileSync(join(root, document), 'utf8');
  const broken = targetsOf(text).flatMap((target) => {
    const fault = isExternal(target) ? faultOfUrl(target) : faultOfFile(root, document, target);
    return fault === undefined ? [] : [`${document}: ${target}: ${fault}`];
  });
  return [...broken, ...faultsOfDefinitions(text).map((fault) => `${document}: ${fault}`)];
}

function faultOfUrl(target: Target): string | undefined {
  if (!URL.canParse(target)) return 'no URL';
  const { protocol, hostname } = new URL(target);
  if (protocol !== 'https:') return 'not https';
  return /^[a-z\d-]+(\.[a-z\d-]+)+$/.test(hostname) ? undefined : 'no host that others reach';
}

function faultOfFile(root: string, document: string, target: Target): string | undefined {
  if (target.startsWith('/')) return 'absolute';
  const file = fileOf(document, target);
  if (relative('.', file).startsWith('..')) return 'outside';
  if (!existsSync(join(root, file))) return 'not there';
  const [, anchor] = target.split('#');
  if (anchor === undefined || !file.endsWith('.md')) return undefined;
  return anchorsOf(readFileSync(join(root, file), 'utf8')).has(anchor) ? undefined : 'no such heading';
}

function faultsOfDefinitions(text: string): string[] {
  const plain = withoutCode(text);
  const definitions = definitionsOf(plain);
  const full = [...plain.matchAll(/\]\[([\w .-]+)\]/g)].map(([, name]) => name!.toLowerCase());
  const undefinedOnes = full
    .filter((name) => !definitions.has(name))
    .map((name) => `[${name}] is not defined`);
  const shortcuts = [...plain.matchAll(/\[([^\][]+)\](?![(:[])/g)].map(([, name]) => name!.toLowerCase());
  const used = new Set([...full, ...shortcuts]);
  const unused = [...definitions.keys()]
    .filter((name) => !used.has(name))
    .map((name) => `[${name}] is not used`);
  return [...undefinedOnes, ...unused];
}
