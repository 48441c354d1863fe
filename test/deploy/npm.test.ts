// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { temporaryDirectory } from '../support/temporary.ts';

const ROOT = join(__dirname, '../..');

describe('the package of npm', () => {
  const directory = temporaryDirectory();

  beforeAll(() => {
    const module = pathToFileURL(join(ROOT, 'deploy/packages/npm.mjs')).href;
    const script = `import(process.argv[1]).then(({ stageMain }) => stageMain(process.argv[2]))`;
    execFileSync(process.execPath, ['-e', script, module, directory]);
    const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent'], { cwd: directory });
    execFileSync('tar', ['-xzf', packed.toString().trim()], { cwd: directory });
    symlinkSync(join(ROOT, 'node_modules'), join(directory, 'package/node_modules'));
  }, 300_000);

  it('has all that the command consists of', () => {
    const said = execFileSync(join(directory, 'package/bin/joules'), ['--version'], { encoding: 'utf8' });
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(said).toBe(`${version}\n`);
  });

  it('has all that the library consists of', () => {
    const script = 'console.log(typeof require(process.argv[1]).openMeter)';
    const args = ['-e', script, join(directory, 'package/')];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('function\n');
  });
});
