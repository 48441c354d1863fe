// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { JOULES } from '../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../support/kernel.ts';

/** What a terminal gets of an agent that has nothing to show for three seconds, and is interrupted when it has. */
async function onTerminal(): Promise<string> {
  const command = `${process.execPath} ${JOULES} agent --interval 3 --source ${TSC}`;
  const env = { ...process.env, OTEL_METRICS_EXPORTER: 'none' };
  const terminal = spawn('script', ['-qec', command, '/dev/null'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(terminal, 'close');
  let text = '';
  terminal.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  try {
    await waitFor('the first figures', () => / W measured /.exec(text) ?? undefined);
  } finally {
    // Ctrl-C.
    terminal.stdin.end('\x03');
  }
  await closed;
  return text;
}

describeOnKernel('a wait of more than a second', () => {
  it('is said on a terminal, and wiped away by the first figures', async () => {
    const text = await onTerminal();
    expect(text).toContain('joules: waiting for the first figures\r\u001b[K');
    expect(text.split('waiting for').length).toBe(2);
  });
});
