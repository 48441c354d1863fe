// SPDX-License-Identifier: Apache-2.0
import { EnergyError, usageError } from '../model/errors.ts';
import { SCOPE_VERSION } from '../otel/semconv.ts';
import { help } from '../settings/help.ts';
import type { Verb as VerbName } from '../settings/types.ts';
import { isShortage, systemError } from '../util/system-error.ts';
import { complain, stdoutFailed } from './print.ts';

/** A verb: takes its arguments, resolves with the exit status. */
type Verb = (args: string[]) => Promise<number>;

/** Loaded when called: `joules --help` needs neither the native part nor the SDK. */
const VERBS: Readonly<Record<VerbName, () => Promise<Verb>>> = {
  agent: async () => (await import('./agent.ts')).agent,
  top: async () => (await import('./top.ts')).top,
  stat: async () => (await import('./stat.ts')).stat,
  verify: async () => (await import('./verify.ts')).verify,
  doctor: async () => (await import('./doctor.ts')).doctor,
};

/** Runs the command line; resolves with the exit status. Nothing goes to stdout but data. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...args] = argv;
  try {
    if (name === '--help' || name === '-h' || name === 'help') return answer(help());
    if (name === '--version') return answer(`${SCOPE_VERSION}\n`);
    const verbs = Object.keys(VERBS).join(', ');
    if (name === undefined) throw usageError(`a verb is missing: use one of ${verbs}, or --help`);
    const load = isVerb(name) ? VERBS[name] : undefined;
    if (!load) throw usageError(`unknown verb ${JSON.stringify(name)}: use one of ${verbs}, or --help`);
    const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
    if (own.includes('--help') || own.includes('-h')) return answer(help());
    if (own.includes('--version')) return answer(`${SCOPE_VERSION}\n`);
    const verb = await load();
    return await verb(args);
  } catch (error) {
    return fail(error);
  }
}

function isVerb(name: string): name is VerbName {
  return Object.hasOwn(VERBS, name);
}

function answer(text: string): number {
  process.stdout.write(text);
  return 0;
}

function fail(error: unknown): number {
  if (error instanceof EnergyError) {
    complain(error.message);
    return error.exitCode;
  }
  // Node says so of any file that it cannot open just then, one of our own modules above all.
  if (isShortage(error)) return fail(systemError('open what is needed', error, ''));
  // A defect of ours: without its stack it could not be reported.
  process.stderr.write(`joules: unexpected ${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** What a reader of a pipe has not taken by then is lost. */
const LAST_WRITE_MS = 1000;

/** The way in from bin/joules. */
export async function run(): Promise<void> {
  process.stdout.on('error', stdoutFailed);
  // Nobody listens to what we say: that changes nothing of what we do.
  process.stderr.on('error', () => {});
  const status = await main(process.argv.slice(2));
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  await Promise.race([Promise.all(written), new Promise((resolve) => setTimeout(resolve, LAST_WRITE_MS))]);
  // Not process.exitCode: the agent gives up waiting for a meter that takes too long to close, which would go on.
  process.exit(status);
}
