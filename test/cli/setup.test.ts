// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describeAsRoot } from '../support/privileges.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const NOBODY = 65_534;
const SETUP = join(__dirname, '../../bin/setup.mjs');

/** A clone that has its set-up alone, on a system that has nothing but apt-get, which notes what it is asked for. */
class Clone {
  readonly path = join(temporaryDirectory(), 'clone');
  readonly #system = temporaryDirectory();

  constructor() {
    mkdirSync(join(this.path, 'bin'), { recursive: true, mode: 0o755 });
    copyFileSync(SETUP, join(this.path, 'bin/setup.mjs'));
    writeFileSync(join(this.path, 'package-lock.json'), '{"packages":{"":{}}}');
    symlinkSync('/bin/sh', join(this.#system, 'sh'));
    writeFileSync(join(this.#system, 'apt-get'), `#!/bin/sh\necho "$*" >>${this.#system}/asked\nexit 100\n`);
    chmodSync(join(this.#system, 'apt-get'), 0o755);
  }

  /** Runs it; with `typed` on a terminal where that is typed. What a terminal shows has all output in it. */
  setUp(options: { typed?: string; args?: string[]; variables?: NodeJS.ProcessEnv } = {}): string {
    const { typed, args = [], variables = {} } = options;
    const command = [process.execPath, join(this.path, 'bin/setup.mjs'), ...args];
    const env = { PATH: this.#system, ...variables };
    const { stdout, stderr } =
      typed === undefined
        ? spawnSync(command[0]!, command.slice(1), { encoding: 'utf8', env, input: '' })
        : spawnSync('/usr/bin/script', ['-qec', command.join(' '), '/dev/null'], {
            encoding: 'utf8',
            env: { ...env, SHELL: '/bin/sh' },
            input: typed,
            timeout: 30_000,
          });
    return stdout + stderr;
  }

  /** What apt-get was asked for. */
  installed(): string {
    const path = join(this.#system, 'asked');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}

describeAsRoot('set-up as root, in a clone', () => {
  it('of root below a sticky directory goes on', () => {
    const clone = new Clone();
    expect(clone.setUp()).not.toMatch(/written by others/);
    expect(clone.installed()).toMatch(/^install -y /);
  });

  it.each<[string, (clone: Clone) => string]>([
    [
      'that is another user’s',
      ({ path }) => {
        chownSync(path, NOBODY, NOBODY);
        return path;
      },
    ],
    [
      'with a file that is another user’s',
      ({ path }) => {
        mkdirSync(join(path, 'src/cli'), { recursive: true });
        writeFileSync(join(path, 'src/cli/main.ts'), '');
        chownSync(join(path, 'src/cli/main.ts'), NOBODY, 0);
        return join(path, 'src/cli/main.ts');
      },
    ],
    [
      'that all may write to',
      ({ path }) => {
        chmodSync(path, 0o777);
        return path;
      },
    ],
    [
      'that a group may write to',
      ({ path }) => {
        chownSync(join(path, 'bin'), 0, NOBODY);
        chmodSync(join(path, 'bin'), 0o775);
        return join(path, 'bin');
      },
    ],
    [
      'in a directory of another user, who could put another one in its place',
      ({ path }) => {
        chownSync(join(path, '..'), NOBODY, NOBODY);
        return join(path, '..');
      },
    ],
  ])('%s is refused before anything is installed, unless root says so', (_, spoil) => {
    const clone = new Clone();
    const path = spoil(clone);
    const refusal = clone.setUp({ variables: { npm_lifecycle_event: 'prestart' } });
    expect(refusal).toBe(
      `joules set-up: ${path} can be written by others than root, who could have anything run as root: ` +
        "clone it as root below directories of root's, or set JOULES_TRUST_CLONE=1 if you trust them\n",
    );
    expect(clone.installed()).toBe('');
    for (const variables of [
      { JOULES_TRUST_CLONE: '1' },
      { CI: 'true' },
      { npm_lifecycle_event: 'pretest' },
    ]) {
      expect(clone.setUp({ variables })).toMatch(/written by others than root/);
    }
    expect(clone.installed()).not.toBe('');
  });

  it('installs Debian packages at once without a terminal', () => {
    const clone = new Clone();
    expect(clone.setUp()).toMatch(/^joules set-up: installing the Debian packages clang, .*/);
    expect(clone.installed()).toMatch(/^install -y --no-install-recommends clang .*\n/);
  });

  it('lists them on a terminal and asks first', () => {
    const clone = new Clone();
    for (const typed of ['n\n', '\n', '\u0004']) {
      expect(clone.setUp({ typed })).toMatch(
        /install the Debian packages clang, .*\? \[y\/N\][^]*did not install/,
      );
    }
    expect(clone.installed()).toBe('');
    clone.setUp({ typed: 'y\n' });
    expect(clone.installed()).not.toBe('');
  });

  it.each<[string, { args?: string[]; variables?: NodeJS.ProcessEnv }]>([
    ['--yes', { args: ['--yes'] }],
    ['npm start --yes', { variables: { npm_config_yes: 'true' } }],
  ])('does not ask on a terminal with %s', (_, options) => {
    const clone = new Clone();
    expect(clone.setUp({ typed: '', ...options })).not.toMatch(/\[y\/N\]/);
    expect(clone.installed()).toMatch(/^install -y /);
  });
});
