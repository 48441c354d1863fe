// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { anchorsOf, documentsIn, faultsOf, fileOf, isExternal, targetsOf } from './support/links.ts';
import { temporaryDirectory } from './support/temporary.ts';

const ROOT = join(__dirname, '..');
const DOCUMENTS = documentsIn(ROOT, [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name)),
]);

/** Runs a line of JavaScript with what is exported by deploy/packages/npm.mjs. */
function withPackaging(script: string): string {
  const module = JSON.stringify(join(ROOT, 'deploy/packages/npm.mjs'));
  const line = `import * as npm from ${module}; ${script}`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', line], { encoding: 'utf8' });
}

describe('the links of the documents', () => {
  it.each(DOCUMENTS)('%s: all lead to a file and a heading that are there, or are URLs', (document) => {
    expect(faultsOf(ROOT, document)).toEqual([]);
  });

  it('are many, and each document of docs is reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const document of reached) {
      if (!document.endsWith('.md')) continue;
      const local = targetsOf(readFileSync(join(ROOT, document), 'utf8')).filter((one) => !isExternal(one));
      for (const target of local) reached.add(fileOf(document, target));
      // A link to a folder shows what is in it.
      if (reached.has('docs/adr')) for (const one of documentsIn(ROOT, ['docs/adr'])) reached.add(one);
    }
    expect(DOCUMENTS.length).toBeGreaterThan(20);
    expect(DOCUMENTS.filter((document) => !reached.has(document))).toEqual([]);
  });

  it('of the README lead to what is in the package', () => {
    const targets = targetsOf(readFileSync(join(ROOT, 'README.md'), 'utf8')).filter(
      (one) => !isExternal(one),
    );
    const linked = [...new Set(targets.map((target) => fileOf('README.md', target)))];
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly files: readonly string[];
    };
    const ofThePackages = JSON.parse(
      withPackaging('process.stdout.write(JSON.stringify(npm.DOCUMENTS))'),
    ) as string[];
    expect(linked).toEqual(expect.arrayContaining(['SECURITY.md', 'docs/troubleshooting.md']));
    // npm takes the README along by itself.
    for (const packed of [['README.md', ...files], ofThePackages]) {
      const isPacked = (path: string): boolean =>
        packed.some((one) => path === one || path.startsWith(`${one}/`));
      expect(linked.filter((path) => !isPacked(path))).toEqual([]);
    }
  });

  it('lead to something in the package as well, where there are no sources', () => {
    const directory = temporaryDirectory();
    withPackaging(`npm.copyDocuments(${JSON.stringify(directory)})`);
    const packed = documentsIn(directory, readdirSync(directory));
    expect(packed.toSorted()).toEqual(DOCUMENTS.toSorted());
    expect(packed.flatMap((document) => faultsOf(directory, document))).toEqual([]);
  });
});

describe('what is told of links', () => {
  it('is each one that leads nowhere', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'docs'));
    writeFileSync(join(directory, 'there.md'), '# Is *there*: `a --b`\n\n## Twice\n\n## Twice\n');
    const text = [
      '[good](../there.md#is-there-a---b), [good](../there.md#twice-1), [good](#here), [good][x] and [y]',
      '## Here',
      '[bad](../gone.md) and [bad](../there.md#twice-2) and [bad](#there) and [`bad`](../../out.md) and [bad](/etc)',
      '<img src="gone.png">, [bad](http://example.org/), [bad](https://localhost/), [bad](https://), [bad][z]',
      '`[code](gone.md)`\n\n```sh\n# No heading\n[code](gone.md)\n```\n',
      '[x]: https://example.org/a\n[y]: ../there.md\n[unused]: https://example.org/b\n',
    ];
    writeFileSync(join(directory, 'docs/a.md'), text.join('\n\n'));
    expect(faultsOf(directory, 'docs/a.md').map((fault) => fault.replace('docs/a.md: ', ''))).toEqual([
      '../gone.md: not there',
      '../there.md#twice-2: no such heading',
      '#there: no such heading',
      '../../out.md: outside',
      '/etc: absolute',
      'http://example.org/: not https',
      'https://localhost/: no host that others reach',
      'https://: no URL',
      'gone.png: not there',
      '[z] is not defined',
      '[unused] is not used',
    ]);
  });

  it('goes by the names that GitHub gives to headings', () => {
    const text = '# `joules stat`: a, b & c\n\n## Is it _more_?\n\n```sh\n# no\n```\n\n## 10 ± 2 µs_x\n';
    expect([...anchorsOf(text)]).toEqual(['joules-stat-a-b--c', 'is-it-more', '10--2-µs_x']);
  });
});
