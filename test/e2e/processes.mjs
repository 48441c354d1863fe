// SPDX-License-Identifier: Apache-2.0
// Child processes with their output in files, and free ports for them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What was started and has not ended. */
const running = new Set();

/** Starts a program whose stdout (unless it is read here) and stderr go to `log`. */
export function start(command, args, { log, stdout, env, cwd } = {}) {
  const file = log === undefined ? 'ignore' : openSync(log, 'a');
  const child = spawn(command, args, {
    stdio: ['ignore', stdout ?? file, file],
    env: { ...process.env, ...env },
    cwd,
  });
  if (file !== 'ignore') closeSync(file);
  running.add(child);
  child.over = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    return code ?? signal;
  });
  child.on('error', () => {});
  return child;
}

/** Ends a program and resolves with its exit status, or the signal it died of. */
export async function stop(child, signal = 'SIGTERM') {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  return child.over;
}

/** Ends all that runs still, at once. */
export async function stopAll() {
  await Promise.all([...running].map((child) => stop(child, 'SIGKILL')));
}

export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** Waits until a URL answers as it should, with 200 unless said otherwise; an Error with what it says after `seconds`. */
export async function answers(url, child, seconds = 30, isRight = ({ ok }) => ok) {
  let why = '';
  for (let i = 0; i < seconds * 20; i++) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before it answered at ${url}`);
    try {
      const response = await fetch(url);
      if (isRight(response)) return response;
      why = `HTTP ${response.status}`;
    } catch (error) {
      why = error.cause?.code ?? error.message;
    }
    await sleep(50);
  }
  throw new Error(`${url} does not answer: ${why}`);
}
