// SPDX-License-Identifier: Apache-2.0
import { isMoment, spanOf } from '../../src/recording/moment.ts';

const local = (text: string): number => new Date(text).getTime();
/** From an evening to the next morning. */
const WHOLE = { from: local('2026-03-04T22:00:00'), to: local('2026-03-05T06:00:00') };

describe('a time of a recording', () => {
  it.each([
    ['22:30', '2026-03-04T22:30:00'],
    ['22:30:05', '2026-03-04T22:30:05'],
    ['3:15', '2026-03-05T03:15:00'],
    ['2026-03-05', '2026-03-05T00:00:00'],
    ['2026-03-05T01:02', '2026-03-05T01:02:00'],
    ['2026-03-05 01:02:03', '2026-03-05T01:02:03'],
    ['90s', '2026-03-05T05:58:30'],
    ['10m', '2026-03-05T05:50:00'],
    ['2h', '2026-03-05T04:00:00'],
  ])('%s is %s', (text, expected) => {
    expect(isMoment(text)).toBe(true);
    expect(spanOf({ from: text }, WHOLE)).toEqual({ from: local(expected), to: WHOLE.to });
    expect(spanOf({ to: text }, WHOLE)).toEqual({ from: WHOLE.from, to: local(expected) });
  });

  it('may be of another time zone', () => {
    const from = Date.UTC(2026, 2, 5, 1);
    expect(spanOf({ from: '2026-03-05T01:00Z' }, { from: from - 1e6, to: from + 1e6 }).from).toBe(from);
  });

  it.each(['', 'now', '25:00', '12:60', '5', '5x', '2026-13-01', '2026-03-05T', '-5m', '1234567s'])(
    '%j is none',
    (text) => {
      expect(isMoment(text)).toBe(false);
    },
  );

  it('that nothing was recorded in is refused with what was', () => {
    expect(() => spanOf({ from: '2026-03-06' }, WHOLE)).toThrow(
      'nothing was recorded from 2026-03-06 00:00:00 to 2026-03-05 06:00:00: the recording is of 2026-03-04 22:00:00 to 2026-03-05 06:00:00',
    );
    expect(() => spanOf({ from: '3:00', to: '2:00' }, WHOLE)).toThrow(
      '--from 3:00 is later than --to 2:00: exchange them',
    );
  });
});
