// SPDX-License-Identifier: Apache-2.0
import { type Meter, openMeter } from '../meter.ts';
import { usageError } from '../model/errors.ts';
import { parseOptions } from '../settings/options.ts';
import type { CommandOptions, MeterOptions } from '../settings/types.ts';
import { attachTo } from './attached.ts';
import { complain, complainOfDoubts, jsonLine, print } from './print.ts';
import { openOutput } from './stat-output.ts';
import { attach, compareTwo, follow, once, type Outcome, repeat } from './stat-outcome.ts';
import { statRequest, type StatRequest } from './stat-request.ts';
import { findTarget } from './targets.ts';

/**
 * `joules stat COMMAND…`: tells what a command and its descendants use, of several runs, of two commands that are run in
 * turns, or what runs already uses.
 */
export async function stat(args: readonly string[]): Promise<number> {
  const { meter: options, own, operands } = parseOptions('stat', args);
  const request = statRequest(own, operands);
  // What is wrong with what was given shows before anything is opened, and long before a result has no place to go.
  const measure = prepare(request, options.root ?? '/');
  const output = own.output === undefined ? undefined : openOutput(own.output);
  try {
    const outcome = await (own.attach ? withAgent(options, own, request) : withMeter(options, measure));
    if (outcome.result === undefined) {
      complain(`no result: ${outcome.why}`);
      return outcome.exitCode;
    }
    const line = jsonLine(outcome.result);
    if (output) await output.write(line);
    else if (own.json) await print(line, new AbortController().signal);
    if (!own.json) process.stderr.write(`${outcome.lines.join('\n')}\n`);
    return outcome.exitCode;
  } finally {
    output?.close();
  }
}

/** After so long somebody at a terminal wonders, ms. */
const PATIENCE_MS = 1000;

async function withMeter(
  options: MeterOptions,
  measure: (meter: Meter) => Promise<Outcome>,
): Promise<Outcome> {
  const { isTTY } = process.stderr;
  const slow = setTimeout(() => isTTY && complain('preparing to measure'), PATIENCE_MS);
  await using meter = await openMeter({
    ...options,
    followForks: true,
    log: complainOfDoubts,
  }).finally(() => clearTimeout(slow));
  return await measure(meter);
}

/** Which processes descend from a command, or from others, who measures is told by the kernel alone. */
async function withAgent(options: MeterOptions, own: CommandOptions, request: StatRequest): Promise<Outcome> {
  if (request.does !== 'attach' || 'pids' in request.to)
    throw usageError(
      'stat --attach measures what --cgroup or --container names: the agent follows no commands',
    );
  const target = findTarget(request.to, options.root ?? '/');
  await using agent = await attachTo(own);
  return await follow(agent, target, request);
}

function prepare(request: StatRequest, root: string): (meter: Meter) => Promise<Outcome> {
  if (request.does === 'run') return (meter) => once(meter, request);
  if (request.does === 'repeat') return (meter) => repeat(meter, request);
  if (request.does === 'compare') return (meter) => compareTwo(meter, request);
  const target = findTarget(request.to, root);
  return (meter) => attach(meter, target, request);
}
