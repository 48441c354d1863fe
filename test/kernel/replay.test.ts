// SPDX-License-Identifier: Apache-2.0
import { type Replayed, replayProgram } from '../simulation/program.ts';
import { SCENARIOS } from '../simulation/scenarios.ts';
import { simulate } from '../simulation/simulate.ts';
import { describeOnKernel } from '../support/kernel.ts';

describeOnKernel('the BPF program, replayed in the kernel', () => {
  const replayOn = (on: 'host' | 'kernel', name: string): Replayed =>
    replayProgram(simulate(SCENARIOS[name]!(1), 1), { on });

  // A million switches; forks without end; hundreds of tasks; more tasks in a second than tables have rows.
  it.each([
    ['pingpong', 1_000_000],
    ['storm', 60_000],
    ['many', 400_000],
    ['shorts', 100_000],
  ])('charges in %s what it charges on the host, to the last unit', (name, switches) => {
    const { verified, ...inKernel } = replayOn('kernel', name);
    const { verified: _, ...onHost } = replayOn('host', name);
    expect(inKernel).toEqual(onHost);
    expect(inKernel.switches).toBeGreaterThan(switches);
    expect(verified).toBeGreaterThan(0);
    expect(inKernel.spills > 0).toBe(name === 'shorts');
  });
});
