// SPDX-License-Identifier: Apache-2.0
import { buildCoreModel, CoreStory, type Pair, type Shown } from '../support/core-model.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const PAIR: Pair = { tgids: [10, 11], watts: [1, 4] };
const OTHERS: Pair = { tgids: [20, 21], watts: [5, 2] };

describe('the model of counters of cores', () => {
  let program: string;
  beforeAll(() => {
    program = buildCoreModel(temporaryDirectory());
  });

  const told = (story: CoreStory): Shown => story.tell(program).at(-1)!;
  const begin = (watts: readonly [number, number] = [2.5, 2.5]): CoreStory =>
    new CoreStory().entry(10, watts[0]).entry(11, watts[1]).burst();
  const ratio = ({ watts }: Shown): number => watts[1]! / watts[0]!;

  it('tells two processes apart that take turns within microseconds, and writes what it knows', () => {
    const { watts, errors, written } = told(begin().run(1.5, [PAIR]).show(10, 11));
    expect(ratio({ watts } as Shown)).toBeGreaterThan(3.3);
    expect(ratio({ watts } as Shown)).toBeLessThan(4.7);
    // All that ran together draws what it did.
    expect((watts[0]! + watts[1]!) / 2).toBeCloseTo(2.5, 0);
    expect(errors).toEqual([expect.closeTo(0.05, 2), expect.closeTo(0.05, 2)]);
    expect(written).toBeGreaterThan(1);
  });

  it('leaves alone what all are off by together', () => {
    const { watts, written } = told(begin([3, 12]).run(1, [PAIR]).show(10, 11));
    expect(written).toBe(0);
    expect(watts).toEqual([expect.closeTo(3, 1), expect.closeTo(12, 1)]);
  });

  it('leaves alone an entry that is right in the mean, wherever BPF has it just now', () => {
    const story = begin([1, 4]);
    story.run(1, [PAIR], (look) => {
      if (look % 3 === 0) story.entry(10, look % 2 ? 1.25 : 0.8);
    });
    expect(told(story.show(10)).written).toBe(0);
  });

  it('never writes an entry that is of another process', () => {
    const story = new CoreStory()
      .entry(10, 2.5, 10 + 2 ** 15)
      .entry(11, 2.5)
      .burst();
    expect(told(story.run(1, [PAIR]).show(10)).watts[0]).toBeCloseTo(2.5, 1);
  });

  it('gives a program that was just executed nothing that was learned of the one before', () => {
    const [before, after] = begin()
      .run(1.5, [PAIR])
      .show()
      .entry(11, 0.3, 11, 8)
      .run(0.048, [PAIR])
      .show(11)
      .tell(program);
    expect(before!.written).toBeGreaterThan(1);
    expect(after!.watts[0]).toBeCloseTo(0.3, 1);
  });

  it('learns the same while the frequency of the core changes, and finds no difference where there is none', () => {
    const changing = told(
      begin()
        .run(3, [{ ...PAIR, level: 1.5 }])
        .show(10, 11),
    );
    expect(ratio(changing)).toBeGreaterThan(2.5);
    expect(ratio(changing)).toBeLessThan(6);
    const alike = told(
      begin()
        .run(3, [{ ...PAIR, watts: [2.5, 2.5], level: 1.5 }])
        .show(10, 11),
    );
    expect(ratio(alike)).toBeGreaterThan(0.7);
    expect(ratio(alike)).toBeLessThan(1.4);
  });

  it('learns nothing of windows whose records were lost', () => {
    const { cut, lost, written } = told(
      begin()
        .run(1, [{ ...PAIR, lost: true }])
        .show(),
    );
    expect({ cut, written }).toEqual({ cut: 0, written: 0 });
    expect(lost).toBeGreaterThan(500);
  });

  it('takes cores in turns where there are more than it may learn from at once', () => {
    const story = new CoreStory({ cores: 2, mostCores: 1 }).burst();
    for (const tgid of [10, 11, 20, 21]) story.entry(tgid, 3);
    const { watts, cut } = told(story.run(4, [PAIR, OTHERS]).show(10, 11, 20, 21));
    expect(cut).toBeGreaterThan(3500);
    expect(cut).toBeLessThan(4001);
    expect(watts[1]! / watts[0]!).toBeGreaterThan(2.5);
    expect(watts[2]! / watts[3]!).toBeGreaterThan(1.8);
  });

  it('wants all of each second for what is new, and a tenth when it knows that', () => {
    const story = begin().run(0.5, [PAIR]).show().run(1.5, [PAIR]).show();
    const [first, later, again] = story.run(0.4, [OTHERS]).show().tell(program);
    expect([first!.burst, later!.burst, again!.burst]).toEqual([1000, 100, 1000]);
  });

  it('wants no more than a tenth in the long run, if everything is always new', () => {
    const story = begin();
    for (let i = 0; i < 10; i++) story.run(0.6, [{ ...PAIR, tgids: [100 + i, 200 + i] }]);
    const [burst] = story.show().tell(program);
    expect(burst!.burst).toBe(100);
  });
});
