// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const SRC = join(__dirname, '../src');

/** What is in `src/`, from the bottom up: each may import from those before it, and from itself. */
const LAYERS = [
  'model',
  'util',
  'host',
  'sources',
  'probe',
  'counters',
  'attribution',
  'identity',
  'snapshot',
  'recording',
  'verify',
  'attach',
  'settings',
  'meter.ts',
  'ledger',
  'recorder.ts',
  'background.ts',
  'http',
  'web',
  'otel',
  'requests',
  'cli',
  'index.ts',
];

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const layerOf = (file: string): string => file.split('/', 1)[0]!;

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    ([, specifier]) => specifier!,
  );
  return specifiers.map((specifier) => relative(SRC, resolve(SRC, dirname(file), specifier)));
}

/** The files that lead from one back to itself, if any do. */
function circleFrom(file: string, path: readonly string[], done: Set<string>): readonly string[] | undefined {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
  if (done.has(file)) return undefined;
  for (const next of importsOf(file)) {
    const circle = circleFrom(next, [...path, file], done);
    if (circle) return circle;
  }
  done.add(file);
  return undefined;
}

describe('the files of src/', () => {
  it('are all in a layer', () => {
    expect([...new Set(files.map(layerOf))].toSorted()).toEqual(LAYERS.toSorted());
  });

  it('import from their own layer and those below it only', () => {
    const back = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => LAYERS.indexOf(layerOf(target)) > LAYERS.indexOf(layerOf(file)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(back).toEqual([]);
  });

  it('do not import one another in a circle', () => {
    const done = new Set<string>();
    expect(files.map((file) => circleFrom(file, [], done)).filter((circle) => circle !== undefined)).toEqual(
      [],
    );
  });

  it('export no constant or function that nobody else has a use for', () => {
    const texts = ['../src', '.', '../bin', '../deploy'].flatMap((directory) =>
      readdirSync(join(__dirname, directory), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(ts|mjs|js)$|^joules$/.test(name) && !name.includes('node_modules'))
        .map((name) => resolve(__dirname, directory, name)),
    );
    const words = new Map(
      texts.map((path) => [path, new Set(readFileSync(path, 'utf8').match(/\w+/g))] as const),
    );
    const unused = files.flatMap((file) => {
      const own = join(SRC, file);
      const exported = readFileSync(own, 'utf8').matchAll(
        /^export (?:async )?(?:const|function\*?|class) (\w+)/gm,
      );
      return [...exported]
        .filter(([, name]) => ![...words].some(([path, its]) => path !== own && its.has(name!)))
        .map(([, name]) => `${file} exports ${name}`);
    });
    expect(unused).toEqual([]);
  });
});
