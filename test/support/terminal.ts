// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { JOULES } from './joules.ts';
import { waitFor } from './kernel.ts';
import { temporaryDirectory } from './temporary.ts';

const TMUX = '/usr/bin/tmux';

/** `describe` with Debian's tmux, which is a terminal for others; without it the tests are skipped and say why. */
export const describeInTerminal: typeof describe.skip = ((title: string, body: () => void) =>
  existsSync(TMUX)
    ? describe(title, body)
    : describe.skip(`${title} (skipped: no ${TMUX})`, body)) as typeof describe.skip;

/** A shell in a terminal of its own. */
export class TerminalStage implements AsyncDisposable {
  readonly #socket = join(temporaryDirectory(), 'tmux');

  constructor(width: number, height: number, variables: Readonly<Record<string, string>> = {}) {
    const env = Object.entries({ LANG: 'C.UTF-8', PS1: '$ ', ...variables }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const clean = ['env', '-u', 'NO_COLOR', '-u', 'LC_ALL', '-u', 'COLUMNS', '-u', 'LINES', ...env];
    this.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      '-x',
      String(width),
      '-y',
      String(height),
      ...clean,
      'sh',
      '-i',
    );
    // Programs' own screens are not what is under test.
    this.#tmux('set-option', '-g', 'status', 'off');
  }

  /** Types a command line into the shell. */
  run(...command: readonly string[]): void {
    this.#tmux('send-keys', '-l', `${command.join(' ')}\n`);
  }

  /** Runs `joules ARGS…` in the shell. */
  joules(...args: readonly string[]): void {
    this.run(`'${process.execPath}'`, `'${JOULES}'`, ...args);
  }

  /** Presses keys by their names in tmux: `q`, `Down`, `C-c`. */
  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  resize(width: number, height: number): void {
    this.#tmux('resize-window', '-x', String(width), '-y', String(height));
  }

  /** The screen as it is, each line without spaces at its end; with `escapes` with what colours it. */
  screen(escapes: boolean = false): string[] {
    const text = this.#tmux('capture-pane', '-p', ...(escapes ? ['-e'] : []));
    return text.replace(/\n$/, '').split('\n');
  }

  /** What tmux knows of the terminal: `alternate_on`, `cursor_flag`, `wrap_flag`, `pane_pid`. */
  told(name: string): string {
    return this.#tmux('display-message', '-p', `#{${name}}`).trim();
  }

  /** The screen once this is in it. */
  async shows(what: RegExp): Promise<string[]> {
    let lines: string[] = [];
    const found = waitFor('it', () => ((lines = this.screen()), what.test(lines.join('\n')) || undefined));
    await found.catch(() => {
      throw new Error(`there is no ${what} on the screen:\n${lines.join('\n')}`);
    });
    return lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tmux('kill-server');
    await Promise.resolve();
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync(TMUX, ['-S', this.#socket, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}
