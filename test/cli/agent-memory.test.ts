// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFlags, type Running, startJoules } from '../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PROMETHEUS = {
  OTEL_METRICS_EXPORTER: 'prometheus',
  OTEL_EXPORTER_PROMETHEUS_PORT: '0',
  OTEL_LOG_LEVEL: 'error',
};

describeOnKernel('the memory of joules agent', () => {
  const args = ['agent', '--source', TSC, '--interval', '0.2', '--socket-dir', 'none'];

  /** Resolves with the address of its page. */
  async function published({ output }: Running): Promise<string> {
    return await waitFor('the address', () => /publishing at (\S+)/.exec(output().stderr)?.[1]);
  }

  it('has nothing in it of YAML, passwords and OTLP, where none of them is used', async () => {
    const [hook, list] = ['hook.cjs', 'loaded.json'].map((name) => join(temporaryDirectory(), name));
    const save = `require('fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(Object.keys(require.cache)))`;
    writeFileSync(hook!, `process.on('exit', () => ${save});`);
    await using agent = startJoules(args, PROMETHEUS, ['--require', hook!]);
    const url = await published(agent);
    expect(await (await fetch(url)).text()).toContain('target_info');
    expect((await agent.stop('SIGTERM')).status).toBe(0);
    const loaded = JSON.parse(readFileSync(list!, 'utf8')) as string[];
    expect(loaded.filter((path) => path.includes('/sdk-metrics/')).length).toBeGreaterThan(0);
    expect(loaded.filter((path) => /\/(yaml|bcryptjs|otlp-transformer)\//.test(path))).toEqual([]);
  });

  it('is in few arenas of malloc: two for our threads, and those that Node’s had before', async () => {
    await using agent = startJoules(args, PROMETHEUS, nodeFlags());
    const url = await published(agent);
    for (let i = 0; i < 5; i++) await (await fetch(url)).text();
    // An arena of a thread is reserved as 64 MiB that are aligned so: some of it in use, the rest not to be touched.
    const maps = readFileSync(`/proc/${agent.child.pid}/maps`, 'latin1').split('\n');
    const starts = maps.map((line) => /^([0-9a-f]+)-\S+ rw-p 00000000 00:00 0 *$/.exec(line)?.[1]);
    const arenas = starts.filter(
      (start) => start !== undefined && BigInt(`0x${start}`) % (64n << 20n) === 0n,
    );
    // By default every thread has one, ten here. How many Node's threads had by then is a matter of time.
    expect(arenas.length).toBeLessThanOrEqual(5);
  });
});
