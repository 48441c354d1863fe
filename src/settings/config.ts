// SPDX-License-Identifier: Apache-2.0
import { type Document, isAlias, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { usageError } from '../model/errors.ts';
import { readSettings } from '../util/files.ts';
import { checkMapping, joined, sentence } from './check.ts';
import { conflict } from './library.ts';
import { RECORDER, rowsOf } from './table.ts';
import type { RecorderOptions } from './types.ts';

/**
 * Reads what `joules agent --config FILE` names, YAML or JSON; the command line goes before it.
 * @throws usageError that names the file, the line and the key.
 */
export function readConfig(path: string): RecorderOptions {
  return parseConfig(path, textOf(path));
}

/** As `readConfig`, of the text of a file. */
export function parseConfig(path: string, text: string): RecorderOptions {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const value = plain(path, document, lines);
  const checked = checkMapping(rowsOf(RECORDER), ([, { key }]) => key, value);
  if ('fault' in checked) {
    const { fault } = checked;
    if (fault.path.length === 0) throw usageError(`${path} must be a mapping such as "source: power_core"`);
    const at = lineOf(document, fault.path, lines);
    throw usageError(`${path}${at}: ${sentence(joined(fault.path), 'key', fault)}`);
  }
  const trouble = conflict(checked.value, (name) => RECORDER[name].key);
  if (trouble !== undefined) throw usageError(`${path}: key ${trouble}`);
  return checked.value;
}

function textOf(path: string): string {
  try {
    return readSettings(path).toString('utf8');
  } catch (error) {
    throw usageError(
      `cannot read --config ${path} (${(error as NodeJS.ErrnoException).code}): check the path`,
    );
  }
}

/** The document as plain values; an empty one is an empty mapping. */
function plain(path: string, document: Document.Parsed, lines: LineCounter): unknown {
  // A tag or a directive that nobody knows is a warning: its value would not be what its writer meant.
  const [trouble] = [...document.errors, ...document.warnings];
  if (trouble) {
    const line = lines.linePos(trouble.pos[0]).line || 1;
    throw usageError(`${path}:${line}: this is not YAML that can be read: ${oneLine(trouble.message)}`);
  }
  try {
    return document.toJS() ?? {};
  } catch (error) {
    // An alias of no anchor, or aliases that would fill the memory.
    throw usageError(`${path}: this is not YAML that can be read: ${oneLine((error as Error).message)}`);
  }
}

function oneLine(message: string): string {
  return message.split('\n', 1)[0]!.replace(/:$/, '');
}

/** `:LINE` where the last of these keys stands, nothing where it cannot be found (a key that is no text). */
function lineOf(document: Document.Parsed, path: readonly string[], lines: LineCounter): string {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (!isMap(node)) break;
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (!pair || !isScalar(pair.key)) break;
    offset = pair.key.range?.[0];
    node = pair.value;
  }
  return offset === undefined ? '' : `:${lines.linePos(offset).line}`;
}
