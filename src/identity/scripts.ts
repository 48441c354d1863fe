// SPDX-License-Identifier: Apache-2.0
// What an interpreter runs, as its command line says. Of that only the last part of a path is told: arguments hold secrets.

/** How an interpreter is called. */
interface Interpreter {
  readonly program: RegExp;
  /** Letters of options after which there is no script but code, or standard input. */
  readonly code: string;
  /** Options that take the next argument. */
  readonly taking: readonly string[];
  /** Options whose next argument is what runs. */
  readonly naming?: readonly string[];
  /** Whether such an option and what runs may be one word: `-mhttp.server`. */
  readonly joins?: true;
}

/** By their manual pages: the value of an option that is not known here would be taken for what runs. */
const TABLE: readonly Interpreter[] = [
  {
    program: /^(?:python|pypy)[\d.]*$/,
    code: 'c',
    taking: ['-W', '-X', '--check-hash-based-pycs'],
    naming: ['-m'],
    joins: true,
  },
  {
    program: /^(?:node|nodejs)$/,
    code: 'ep',
    taking: [
      '-r',
      '--require',
      '--import',
      '--loader',
      '--experimental-loader',
      '-C',
      '--conditions',
      '--title',
      '--env-file',
      '--env-file-if-exists',
      '--inspect-port',
      '--input-type',
      '--watch-path',
      '--openssl-config',
      '--diagnostic-dir',
      '--redirect-warnings',
      '--tls-keylog',
      '--tls-cipher-list',
    ],
  },
  {
    program: /^java$/,
    code: '',
    taking: [
      '-cp',
      '-classpath',
      '--class-path',
      '-p',
      '--module-path',
      '--add-modules',
      '--upgrade-module-path',
    ],
    naming: ['-jar', '-m', '--module'],
  },
  { program: /^perl[\d.]*$/, code: 'eE', taking: ['-I'] },
  { program: /^ruby[\d.]*$/, code: 'e', taking: ['-I', '-r', '-C', '-E'] },
  {
    program: /^php[\d.]*$/,
    code: 'rBRE',
    taking: ['-c', '-d', '-S', '-t'],
    naming: ['-f', '-F'],
    joins: true,
  },
  { program: /^(?:ba|da|z|k)?sh$/, code: 'cs', taking: ['-o', '-O', '--rcfile', '--init-file'] },
  // The dynamic loader, where it is run by itself: ld.so(8), and musl's
  {
    program: /^ld-(?:linux|musl)\b.*\.so/,
    code: '',
    taking: ['--library-path', '--preload', '--audit', '--inhibit-rpath', '--argv0', '--glibc-hwcaps-mask'],
  },
];

/** A file's name as names mostly are. Anything else may be no name at all. */
const NAME = /^[\w@+][\w@+.-]{0,63}$/;

/** Whether a program runs others, by the name of its file. */
export function isInterpreter(program: string): boolean {
  return TABLE.some((interpreter) => interpreter.program.test(program));
}

/** What runs, of arguments that begin with the program's own name; null if they do not tell. */
export function scriptOf(program: string, args: readonly string[]): string | null {
  const interpreter = TABLE.find((one) => one.program.test(program));
  if (!interpreter) return null;
  const { code, taking, naming = [], joins } = interpreter;
  for (let i = 1; i < args.length; i++) {
    const arg = args[i]!;
    if (naming.includes(arg)) return nameOf(args[i + 1]);
    // What follows these two is an argument already.
    if (joins && naming.includes(arg.slice(0, 2))) return nameOf(arg.slice(2));
    if (arg === '-') return null;
    if (taking.includes(arg)) i++;
    else if (arg === '--') return nameOf(args[i + 1]);
    else if (!arg.startsWith('-')) return nameOf(arg);
    else if (runsCode(arg, code)) return null;
  }
  return null;
}

/** -c, -Ic, --eval, --print */
function runsCode(option: string, code: string): boolean {
  if (code !== '' && /^--(?:eval|print|command)\b/.test(option)) return true;
  return !option.startsWith('--') && code.split('').some((letter) => option.slice(1).includes(letter));
}

function nameOf(path: string | undefined): string | null {
  const name = path?.slice(path.lastIndexOf('/') + 1) ?? '';
  return NAME.test(name) ? name : null;
}
