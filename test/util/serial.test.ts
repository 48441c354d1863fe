// SPDX-License-Identifier: Apache-2.0
import { serial } from '../../src/util/serial.ts';

describe('a serial queue', () => {
  it('begins a task when those before it are over, in their order', async () => {
    const inTurn = serial();
    const steps: string[] = [];
    const task = (name: string) => async (): Promise<string> => {
      steps.push(`${name} begins`);
      await new Promise(setImmediate);
      steps.push(`${name} ends`);
      return name;
    };
    expect(await Promise.all([inTurn(task('a')), inTurn(task('b')), inTurn(() => 'c')])).toEqual([
      'a',
      'b',
      'c',
    ]);
    expect(steps).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('goes on after a task that failed, whose caller alone is told', async () => {
    const inTurn = serial();
    const failed = inTurn(() => {
      throw new Error('broken');
    });
    const next = inTurn(() => 1);
    await expect(failed).rejects.toThrow('broken');
    expect(await next).toBe(1);
  });
});
