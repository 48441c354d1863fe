// SPDX-License-Identifier: Apache-2.0
// The client for programs without privileges. It has no dependencies, so that it can be used, or copied, anywhere.
import { connect, type Socket } from 'node:net';
import {
  type Answer,
  ATTACH_SCHEMA,
  type AttachScope,
  type Greeting,
  type Interval,
  type Reading,
  type Refusal,
  type RefusalCode,
  SELF_SOCKET,
  SOCKET_DIRECTORY,
} from './protocol.ts';

export type { AttachScope, Greeting, Interval, Reading, Sum } from './protocol.ts';

/** Why nothing is told now. What the agent says itself is in `RefusalCode`. */
export type ProblemCode =
  | RefusalCode
  /** There is no socket: no agent has run, or its directory is not mounted here. */
  | 'no_socket'
  /** The socket may not be opened (EACCES). */
  | 'denied'
  /** The agent ended, or nobody listens. */
  | 'agent_gone'
  /** It speaks another version, or is no agent. */
  | 'version_unknown'
  /** It is there, and tells nothing new. */
  | 'stale'
  /** Whatever else the system says. */
  | 'failed';

export interface Problem {
  readonly code: ProblemCode;
  /** What is wrong and what to do, for people. */
  readonly message: string;
}

export interface FollowOptions {
  /** Default `/run/joules/attach.sock`. */
  readonly path?: string;
  /** With `container`, of a process that is in none, it is asked for itself. */
  readonly scope?: AttachScope;
  /** Takes what the process, and its container, used, each time there is something new. */
  readonly onReading?: (reading: Reading, greeting: Greeting) => void;
  /** Takes each interval of the machine, with `scope: 'all'`. */
  readonly onInterval?: (interval: Interval, greeting: Greeting) => void;
  /** Takes what goes wrong, of each kind the first time. It is tried again and again. */
  readonly onProblem?: (problem: Problem) => void;
  /** Whether it keeps the process alive; default false. */
  readonly keepsAlive?: boolean;
  /** The longest without anything new, ms; default 30,000, and three intervals of the agent at least. */
  readonly staleMs?: number;
}

export interface Following {
  close(): void;
}

/** The longest line that is read: a reading is 1 kB, an interval of a large machine some MB. */
const MOST_CHARACTERS = { reading: 65_536, interval: 2 ** 28 };
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 1000;
const STALE_MS = 30_000;
/** Intervals of the agent. */
const PATIENCE = 3;

/**
 * Asks the agent for what is used, as often as there is something new, until it is closed. It comes again when the agent does:
 * where `greeting.agent.id` or `since` of a sum is another one, that sum has begun anew at 0.
 */
export function follow(options: FollowOptions = {}): Following {
  const told = new Set<ProblemCode>();
  let waitMs = FIRST_WAIT_MS;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let socket: Socket | undefined;

  const begin = (): void => {
    socket = converse(options, {
      heard: () => (waitMs = FIRST_WAIT_MS),
      over(problem) {
        if (closed) return;
        if (!told.has(problem.code)) {
          told.add(problem.code);
          options.onProblem?.(problem);
        }
        timer = setTimeout(begin, waitMs);
        if (!options.keepsAlive) timer.unref();
        waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      },
    });
  };
  begin();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket?.destroy();
    },
  };
}

interface Events {
  readonly heard: () => void;
  /** Called once. */
  readonly over: (problem: Problem) => void;
}

/** One connection, until it ends. */
function converse(options: FollowOptions, events: Events): Socket {
  const { path = `${SOCKET_DIRECTORY}/${SELF_SOCKET}`, staleMs = STALE_MS } = options;
  let scope = options.scope ?? 'self';
  let greeting: Greeting | undefined;
  let problem: Problem | undefined;
  let asked = 0;
  let patienceMs = staleMs;
  const socket = connect(path);
  if (!options.keepsAlive) socket.unref();

  const fail = (found: Problem): void => {
    problem ??= found;
    socket.destroy();
  };
  const ask = (): void => {
    socket.write(`${JSON.stringify({ id: ++asked, scope, next: true })}\n`);
  };
  const greeted = (line: Partial<Greeting> & { readonly error?: Refusal }): void => {
    if (line.schema !== ATTACH_SCHEMA) return fail(unknownVersion(path));
    if (line.error) return fail(refusal(line.error));
    greeting = line as Greeting;
    patienceMs = Math.max(staleMs, PATIENCE * (greeting.interval_ms || 0));
    socket.setTimeout(patienceMs);
    return ask();
  };
  const answered = (answer: Answer): void => {
    if ('error' in answer) {
      if (answer.error.code !== 'no_container' || scope !== 'container') return fail(refusal(answer.error));
      scope = 'self';
    } else {
      events.heard();
      if ('reading' in answer) options.onReading?.(answer.reading, greeting!);
      else options.onInterval?.(answer.interval, greeting!);
    }
    return ask();
  };

  socket.setTimeout(patienceMs);
  socket.once('timeout', () =>
    fail({
      code: 'stale',
      message: `the agent has told nothing new for ${patienceMs / 1000} s: see its log`,
    }),
  );
  const most = scope === 'all' ? MOST_CHARACTERS.interval : MOST_CHARACTERS.reading;
  eachLine(socket, most, (line) => {
    if (socket.destroyed) return;
    const value = line === undefined ? undefined : parse(line);
    if (value === undefined) fail(unknownVersion(path));
    else if (greeting) answered(value as Answer);
    else greeted(value);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => (problem ??= systemProblem(path, error.code)));
  socket.once('close', () => events.over(problem ?? GONE));
  return socket;
}

/** Calls back with each line, and with undefined for one that is too long. */
function eachLine(socket: Socket, most: number, take: (line: string | undefined) => void): void {
  let parts: string[] = [];
  let length = 0;
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const [first = '', ...lines] = text.split('\n');
    parts.push(first);
    length += first.length;
    for (const next of lines) {
      take(parts.join(''));
      parts = [next];
      length = next.length;
    }
    if (length > most) take(undefined);
  });
}

function parse(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

const GONE: Problem = {
  code: 'agent_gone',
  message: 'the agent has ended the connection: it may be restarting',
};

function unknownVersion(path: string): Problem {
  return {
    code: 'version_unknown',
    message: `${path} does not speak ${ATTACH_SCHEMA}: use an agent that does`,
  };
}

function refusal({ code, message }: Refusal): Problem {
  return { code, message: `the agent refuses: ${message}` };
}

const ADVICE: Readonly<Record<string, Problem>> = {
  ENOENT: {
    code: 'no_socket',
    message: "is not there: start `joules agent`, and mount its directory where this is a container's",
  },
  EACCES: { code: 'denied', message: 'may not be opened (EACCES): join the group that it belongs to' },
  ECONNREFUSED: { code: 'agent_gone', message: 'is there, and nobody listens: start `joules agent`' },
};

function systemProblem(path: string, errno = 'EIO'): Problem {
  if (errno === 'ECONNRESET' || errno === 'EPIPE') return GONE;
  const { code, message } = ADVICE[errno] ?? { code: 'failed', message: `cannot be opened (${errno})` };
  return { code, message: `${path} ${message}` };
}
