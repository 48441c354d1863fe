// SPDX-License-Identifier: Apache-2.0
import { type Columns, LIFE } from '../../src/probe/columns.ts';
import { readLives } from '../../src/identity/lifecycle.ts';

function livesOf(
  spec: readonly (readonly [kind: number, pid: number, start: number, comm?: string])[],
): Columns['lives'] {
  const comm = Buffer.alloc(spec.length * 16);
  spec.forEach(([, , , name = ''], i) => comm.write(name, i * 16, 15));
  return {
    kind: Uint32Array.from(spec, ([kind]) => kind),
    pid: Uint32Array.from(spec, ([, pid]) => pid),
    startNs: Float64Array.from(spec, ([, , start]) => start),
    parentPid: new Uint32Array(spec.length),
    parentStartNs: new Float64Array(spec.length),
    comm,
  };
}

describe('what became of processes', () => {
  it('holds who ended, and the last name of who became another program', () => {
    const lives = livesOf([
      [LIFE.exec, 1, 100, 'sh'],
      [LIFE.exec, 1, 100, 'true'],
      [LIFE.exit, 2, 200],
    ]);
    const { exited, names } = readLives(lives, new Map());
    expect(names).toEqual(new Map([[100, { pid: 1, comm: 'true' }]]));
    expect([...exited.keys()]).toEqual([200]);
  });

  it('forgets 20,000 that ended, some intervals later and not at once', () => {
    const exited = new Map<number, { pid: number; rounds: number }>();
    readLives(livesOf(Array.from({ length: 20_000 }, (_, i) => [LIFE.exit, i, i * 1e7])), exited);
    readLives(livesOf([]), exited);
    expect(exited.size).toBe(20_000);
    for (let interval = 0; interval < 10; interval++) readLives(livesOf([]), exited);
    expect(exited.size).toBe(0);
  });
});
