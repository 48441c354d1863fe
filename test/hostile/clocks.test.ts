// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { printed, startJoules } from '../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DAY_S = 86_400;
/** Wherever these run, the machine may be crowded. */
const LONGEST_INTERVAL_S = 300;

/** A wall clock for one process, which is set without touching the machine's. */
function wallClock(): {
  readonly environment: Record<string, string>;
  readonly set: (aheadS: number) => void;
} {
  const directory = temporaryDirectory();
  const [library, file] = [join(directory, 'set-clock.so'), join(directory, 'ahead')];
  execFileSync('cc', ['-shared', '-fPIC', '-O1', join(__dirname, 'set-clock.c'), '-o', library]);
  writeFileSync(file, Buffer.alloc(8));
  return {
    environment: { LD_PRELOAD: library, JOULES_TEST_CLOCK: file },
    // In place, since it is mapped.
    set(aheadS) {
      const descriptor = openSync(file, 'r+');
      writeSync(descriptor, new BigInt64Array([BigInt(aheadS)]));
      closeSync(descriptor);
    },
  };
}

async function exportedJoules(url: string): Promise<number> {
  const page = await (await fetch(url)).text();
  const values = [...page.matchAll(/^hw_energy_joules_total\{.*\} (\S+)/gm)].map(([, value]) =>
    Number(value),
  );
  expect(values.length).toBeGreaterThan(0);
  return values.reduce((sum, value) => sum + value, 0);
}

describeOnKernel('when somebody sets the clock', () => {
  it('by a day, back and ahead, energy, intervals and starts of processes are as they would be', async () => {
    const clock = wallClock();
    await using agent = startJoules(['agent', '--json', '--source', TSC], {
      ...clock.environment,
      OTEL_EXPORTER_PROMETHEUS_PORT: '0',
    });
    const lines = (): Snapshot[] => printed(agent);
    const more = async (): Promise<Snapshot> => {
      const seen = lines().length;
      return await waitFor('two more lines', () => lines()[seen + 1], 600_000);
    };
    const wallDays = ({ time }: Snapshot): number =>
      Math.round((Date.parse(time) - Date.now()) / DAY_S / 1000) + 0;

    expect(wallDays(await more())).toBe(0);
    const url = /publishing at (\S+)/.exec(agent.output().stderr)![1]!;
    const joules = [await exportedJoules(url)];
    await waitFor('a word of the first reader', () =>
      agent.output().stderr.includes('metrics are read') ? true : undefined,
    );
    const said = agent.output().stderr;
    for (const days of [-1, 1, 0]) {
      clock.set(days * DAY_S);
      // The clock is the one that was set.
      expect(wallDays(await more())).toBe(days);
      joules.push(await exportedJoules(url));
    }

    expect(joules).toEqual(joules.toSorted((a, b) => a - b));
    // Two readings within a second are one.
    expect(joules.at(-1)).toBeGreaterThan(joules[0]!);
    const starts = new Set<string>();
    for (const { totals, interval_s, self, processes } of lines()) {
      const { process_j, idle_j, unattributed_j, counter_j } = totals;
      expect(Math.abs(process_j + idle_j + unattributed_j - counter_j)).toBeLessThan(counter_j * 1e-6);
      expect(interval_s).toBeGreaterThan(0);
      expect(interval_s).toBeLessThan(LONGEST_INTERVAL_S);
      expect(self.lost).toBe(0);
      for (const { pid, creation_time } of processes) if (pid === agent.child.pid) starts.add(creation_time);
    }
    expect(starts.size).toBe(1);
    expect(agent.output().stderr).toBe(said);
  });
});
