// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { JOULES } from '../support/joules.ts';
import { describeOnKernel, TSC } from '../support/kernel.ts';

/** What a terminal gets of an agent that has nothing to show for three seconds, and ends after five. */
function onTerminal(): string {
  const command = `timeout -s INT 5 ${process.execPath} ${JOULES} agent --interval 3 --source ${TSC}`;
  const env = { ...process.env, OTEL_METRICS_EXPORTER: 'none' };
  return spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', env }).stdout;
}

describeOnKernel('a wait of more than a second', () => {
  it('is said on a terminal, and wiped away by the first figures', () => {
    const text = onTerminal();
    expect(text).toContain('joules: waiting for the first figures\r\u001b[K');
    expect(text).toMatch(/ W measured /);
    expect(text.split('waiting for').length).toBe(2);
  });
});
