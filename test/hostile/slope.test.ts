// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** `slopeOf` of a series with a value a minute, by the hour. */
function slopeOf(values: readonly number[]): { readonly slope: number; readonly margin: number } {
  const script = `import { slopeOf } from ${JSON.stringify(join(__dirname, 'slope.mjs'))};
    const values = ${JSON.stringify(values)};
    console.log(JSON.stringify(slopeOf(values.map((_, i) => i / 60), values)));`;
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }),
  );
}

/** Between -1 and 1, the same each time. */
const noise = (i: number): number => (Math.imul(i + 1, 2_654_435_761) >>> 0) / 2 ** 31 - 1;

describe('the slope of a soak', () => {
  it('of memory that only strays is not told from 0', () => {
    const { slope, margin } = slopeOf(Array.from({ length: 200 }, (_, i) => 80 + noise(i)));
    expect(Math.abs(slope)).toBeLessThan(margin);
    expect(margin).toBeLessThan(0.3);
  });

  it('of memory that grows is', () => {
    const { slope, margin } = slopeOf(Array.from({ length: 200 }, (_, i) => 80 + i / 60 + noise(i)));
    expect(slope - margin).toBeGreaterThan(0);
    expect(Math.abs(slope - 1)).toBeLessThan(margin);
  });

  it('of memory that is freed now and then is less certain than of as many independent values', () => {
    const saw = slopeOf(Array.from({ length: 200 }, (_, i) => 80 + (i % 50) / 25));
    expect(Math.abs(saw.slope)).toBeLessThan(saw.margin);
    const independent = slopeOf(Array.from({ length: 200 }, (_, i) => 80 + noise(i)));
    expect(saw.margin).toBeGreaterThan(2 * independent.margin);
  });
});
