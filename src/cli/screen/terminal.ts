// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import type { Size } from './frame.ts';
import type { Key } from './state.ts';

/** Alternate screen, no cursor, long lines do not wrap; and all of it backwards. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J';
const LEAVE = '\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';

/** What terminals do not tell, or tell as 0. */
const USUAL: Size = { width: 80, height: 24 };
/** No screen is larger: what a terminal says is not trusted with memory. */
const LARGEST: Size = { width: 1000, height: 500 };

export interface TerminalHandlers {
  readonly key: (key: Key) => void;
  /** It has another size, or was somebody else's in between: all is to be drawn anew. */
  readonly redraw: () => void;
}

/**
 * The terminal while it is ours. However the process ends that can be told of its end (its own exit, an error, a signal), the
 * terminal is as it was before; and while the process is stopped.
 */
export class Terminal {
  readonly #input: ReadStream = process.stdin;
  readonly #output: WriteStream = process.stdout;
  readonly #handlers: TerminalHandlers;
  #isOurs = false;

  constructor(handlers: TerminalHandlers) {
    this.#handlers = handlers;
  }

  get size(): Size {
    const { columns, rows } = this.#output;
    return sizeOf({ columns, rows }, process.env);
  }

  open(): void {
    this.#enter();
    process.on('exit', this.#leave);
    process.on('uncaughtExceptionMonitor', this.#leave);
    process.on('SIGTSTP', this.suspend);
    process.on('SIGCONT', this.#resumed);
    for (const signal of FATAL) process.on(signal, this.#die);
    this.#output.on('resize', this.#handlers.redraw);
    if (!this.#input.isTTY) return;
    emitKeypressEvents(this.#input);
    this.#input.on('keypress', this.#pressed);
    this.#input.resume();
  }

  /** Gives the terminal back for good. */
  close(): void {
    this.#leave();
    process.off('exit', this.#leave);
    process.off('uncaughtExceptionMonitor', this.#leave);
    process.off('SIGTSTP', this.suspend);
    process.off('SIGCONT', this.#resumed);
    for (const signal of FATAL) process.off(signal, this.#die);
    this.#output.off('resize', this.#handlers.redraw);
    this.#input.off('keypress', this.#pressed);
    this.#input.pause();
  }

  /** Nothing is written to a terminal that does not take what it has got, or that is not ours. */
  get isReady(): boolean {
    return this.#isOurs && !this.#output.writableNeedDrain;
  }

  write(text: string): void {
    if (text !== '' && this.#isOurs) this.#output.write(text);
  }

  /** Stops us, and whoever was started with us, as Ctrl-Z does where it is a signal. */
  readonly suspend = (): void => {
    this.#leave();
    process.off('SIGTSTP', this.suspend);
    process.kill(0, 'SIGTSTP');
    // It goes on here when it is continued; or at once, where nobody is there who could do that.
    setTimeout(() => {
      process.on('SIGTSTP', this.suspend);
      this.#resumed();
    }, 50);
  };

  readonly #resumed = (): void => {
    // By SIGSTOP it was taken from us without a word.
    this.#isOurs = false;
    this.#enter();
    this.#handlers.redraw();
  };

  readonly #pressed = (_text: string | undefined, key: Key): void => {
    this.#handlers.key(key);
  };

  readonly #die = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal);
  };

  #enter(): void {
    if (this.#isOurs) return;
    this.#isOurs = true;
    // libuv does nothing to a mode that it believes to be set; a shell may have changed it.
    if (this.#input.isTTY) this.#input.setRawMode(false).setRawMode(true);
    this.#output.write(ENTER);
  }

  /** At once, since nothing is written after the process has ended. */
  readonly #leave = (): void => {
    if (!this.#isOurs) return;
    this.#isOurs = false;
    try {
      if (this.#input.isTTY) this.#input.setRawMode(false);
    } catch {
      // It is gone, and so is whoever would have used it.
    }
    writeNow(LEAVE);
  };
}

/** Writes to stdout before it returns, unless the terminal takes nothing for a tenth of a second. */
function writeNow(text: string): void {
  for (let left = 20; left > 0; left--) {
    try {
      writeSync(1, text);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** They end us without a word, once the terminal is given back. SIGINT and SIGTERM are for whoever opened this. */
const FATAL = ['SIGHUP', 'SIGQUIT'] as const;

/** The size that a terminal tells, that its variables tell, or that terminals have. */
export function sizeOf(
  { columns, rows }: { readonly columns?: number | undefined; readonly rows?: number | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Size {
  const one = (told: number | undefined, variable: string | undefined, side: keyof Size): number =>
    Math.min(LARGEST[side], told || (/^\d{1,4}$/.test(variable ?? '') && Number(variable)) || USUAL[side]);
  return { width: one(columns, env['COLUMNS'], 'width'), height: one(rows, env['LINES'], 'height') };
}
