// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const ROOT = join(__dirname, '..');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const [, section = ''] =
  /^## How it works: one Joule in seven files$([^]*?)^Why it is so/m.exec(readme) ?? [];
const steps = section
  .split(/^(?=\d\. )/m)
  .slice(1)
  .map((text) => ({ text, file: /^\d\. \[`(.+?)`\]\(\1\)/.exec(text)?.[1] ?? '' }));
const folders = steps.map(({ file }) => dirname(file));

/** What a file or the files of a folder include or import, by the names of these. */
function takesIn(of: string): Set<string> {
  const files = of.includes('.') ? [of] : readdirSync(join(ROOT, of)).map((name) => join(of, name));
  const sources = files
    .filter((file) => /\.(ts|cc|c|h)$/.test(file))
    .map((file) => readFileSync(join(ROOT, file), 'utf8'));
  const named = sources.flatMap((text) => [
    ...text.matchAll(/(?:#include |from |join\(.*?, |nativeFile\()["'](.+?)["']/g),
  ]);
  return new Set(named.map(([, specifier]) => basename(specifier!)));
}

/**
 * What each step hands to the next one: a type, or a contract between two languages, that both sides take in, or that
 * one of them defines.
 */
const HANDED = [
  { from: 'src/sources', to: 'src/probe', by: 'source.ts', what: 'PerfEvent' },
  { from: 'src/probe', to: 'native', by: 'energy.node', what: 'bind' },
  { from: 'native', to: 'bpf', by: 'energy.h', what: 'energy_zone' },
  { from: 'bpf', to: 'native/drainer.cc', by: 'energy.h', what: 'energy_cpu' },
  { from: 'native', to: 'src/probe', by: 'energy.node', what: 'drain' },
  { from: 'src/probe', to: 'src/attribution/attribute.ts', by: 'columns.ts', what: 'Columns' },
  { from: 'src/attribution', to: 'src/snapshot', by: 'attribute.ts', what: 'Charges' },
  { from: 'src/snapshot/build.ts', to: 'src/ledger/ledger.ts', by: 'snapshot.ts', what: 'Snapshot' },
  { from: 'src/ledger', to: 'src/otel/producer.ts', by: 'reading.ts', what: 'LedgerReading' },
] as const;

/** A file's name, in which `*` stands for any characters. */
function matching(name: string): unknown {
  return expect.stringMatching(new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.+')}$`));
}

/** Whether a file or a folder takes in what is handed over, or is what defines it. */
function has(side: string, by: string): boolean {
  const defines = side === 'native' && by === 'energy.node';
  return defines || existsSync(join(ROOT, side, by)) || takesIn(side).has(by);
}

function textOf(side: string): string {
  if (side.includes('.')) return readFileSync(join(ROOT, side), 'utf8');
  return readdirSync(join(ROOT, side))
    .filter((name) => name.includes('.'))
    .map((name) => readFileSync(join(ROOT, side, name), 'utf8'))
    .join('\n');
}

describe("a Joule's way in the README", () => {
  it('has seven files, which are there', () => {
    expect(steps).toHaveLength(7);
    for (const { file } of steps) expect(existsSync(join(ROOT, file))).toBe(true);
  });

  it('names other files that are where the one of the step is', () => {
    for (const { text, file } of steps) {
      const others = [...text.matchAll(/`([\w*-]+(?:\.[\w*]+)+)`/g)].map(([, name]) => name!);
      for (const name of others)
        expect(readdirSync(join(ROOT, dirname(file)))).toContainEqual(matching(name));
    }
  });

  it('leads through the folders of its files, in their order', () => {
    const way = [HANDED[0].from, ...HANDED.map(({ to }) => to)].map((side) =>
      side.includes('.') ? dirname(side) : side,
    );
    const onTheWay = way.filter((folder) => folders.includes(folder));
    let at = -1;
    for (const folder of folders) {
      at = way.indexOf(folder, at + 1);
      expect([folder, at]).not.toEqual([folder, -1]);
    }
    expect(onTheWay.length).toBeGreaterThanOrEqual(7);
  });

  it.each(HANDED)('goes from $from to $to as $what', ({ from, to, by, what }) => {
    for (const side of [from, to]) {
      expect([side, by, has(side, by)]).toEqual([side, by, true]);
      expect(textOf(side)).toMatch(new RegExp(`\\b${what}\\b`));
    }
  });
});
