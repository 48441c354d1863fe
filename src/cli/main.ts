// SPDX-License-Identifier: Apache-2.0
import { EnergyError, usageError } from '../model/errors.ts';
import { SCOPE_VERSION } from '../otel/semconv.ts';
import { help, helpOfAll, longVerbHelp, verbHelp } from '../settings/help.ts';
import { shown } from '../settings/kinds.ts';
import { questionsIn, splitVerb } from '../settings/options.ts';
import { isVerb, type Verb, VERB_NAMES } from '../settings/verbs.ts';
import { closest } from '../util/closest.ts';
import { isShortage, systemError } from '../util/system-error.ts';
import { complain, stdoutFailed } from './print.ts';

/** Takes the arguments of a verb, resolves with the exit status. */
type Run = (args: readonly string[]) => Promise<number>;

/** Loaded when called: `joules --help` needs neither the native part nor the SDK. What each is, settings/verbs.ts says. */
const RUN: Readonly<Record<Verb, () => Promise<Run>>> = {
  agent: async () => (await import('./agent.ts')).agent,
  top: async () => (await import('./top.ts')).top,
  stat: async () => (await import('./stat.ts')).stat,
  record: async () => (await import('./record.ts')).record,
  report: async () => (await import('./report.ts')).report,
  page: async () => (await import('./page.ts')).page,
  verify: async () => (await import('./verify.ts')).verify,
  completion: async () => (await import('./completion.ts')).completion,
  doctor: async () => (await import('./doctor.ts')).doctor,
};

/** Runs the command line; resolves with the exit status. Nothing goes to stdout but data. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { verb: name, args } = splitVerb(argv);
    // `joules help top`, as people type it.
    if (name === 'help') return await main([...args, '--help']);
    if (name !== undefined && !isVerb(name)) throw usageError(unknownVerb(name));
    const asked = questionsIn(name, args);
    if (asked.has('help')) return answer(helpOn(name, asked.has('all')));
    if (asked.has('version')) return answer(`${SCOPE_VERSION}\n`);
    if (name === undefined)
      throw usageError(`a verb is missing: use one of ${VERB_NAMES.join(', ')}, or --help`);
    const verb = await RUN[name]();
    return await verb(args);
  } catch (error) {
    return fail(error);
  }
}

function helpOn(verb: Verb | undefined, all: boolean): string {
  if (verb === undefined) return all ? helpOfAll() : help();
  return all ? longVerbHelp(verb) : verbHelp(verb);
}

function unknownVerb(name: string): string {
  const measures = /^[\w./-]{1,60}$/.test(name) ? `; to measure a command: joules stat ${name}` : '';
  const otherwise = `: use one of ${VERB_NAMES.join(', ')}, or --help${measures}`;
  const word = closest(name, [...VERB_NAMES, 'help', 'version']);
  const meant = word === 'version' ? 'joules --version' : word;
  return `unknown verb ${shown(name)}${meant === undefined ? otherwise : `: did you mean ${meant}?`}`;
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
