// SPDX-License-Identifier: Apache-2.0
import { buildPackageModel, Story, type Machine, type Priced, type Task } from '../support/package-model.ts';
import { createRandom } from '../simulation/random.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MACHINE: Machine = { cores: 4, static: 10 };
const SIX: Task = { process: 1, executable: 1, watts: 6 };
const TWO: Task = { process: 2, executable: 2, watts: 2 };
const FOUR: Task = { process: 3, executable: 3, watts: 4 };

describe('the model of a package', () => {
  let program: string;
  beforeAll(() => {
    program = buildPackageModel(temporaryDirectory());
  });

  const price = (story: Story): Priced => story.price(program).at(-1)!;
  /** What a second of each task draws, W. */
  const watts = (story: Story, ...tasks: readonly Task[]): number[] =>
    price(story.ask(...tasks.map((task) => [task, 1] as const))).joules;

  it('knows nothing at first, and as soon as there were some windows, something', () => {
    const story = new Story(MACHINE).ask([SIX, 1]).run(0.05, [SIX, TWO]).ask([SIX, 1]);
    const [first, second] = story.price(program);
    expect(first).toMatchObject({ learned: false, shared: 0, joules: [0], error: [null], burst: 1000 });
    expect(second!.learned).toBe(true);
    expect(second!.joules[0]).toBeGreaterThan(0);
  });

  it('learns the powers of two tasks that ran in turns, and what is not theirs', () => {
    const { joules, shared, idle, gate } = price(
      new Story(MACHINE).run(20, [SIX, TWO]).ask([SIX, 1], [TWO, 1]),
    );
    expect(Math.abs(joules[0]! / 6 - 1)).toBeLessThan(0.05);
    expect(Math.abs(joules[1]! / 2 - 1)).toBeLessThan(0.1);
    expect(Math.abs(shared / 10 - 1)).toBeLessThan(0.05);
    expect(idle).toBeCloseTo(0.2, 0);
    expect(gate).toBe(1);
  });

  it('predicts what it sees: prices of an interval come to what was counted', () => {
    const story = new Story(MACHINE).run(20, [SIX, TWO]);
    // A second in which each ran 0.8 CPU seconds.
    const { joules, shared } = price(story.ask([SIX, 0.8], [TWO, 0.8], [undefined, 2.4]));
    const counted = 10 + 0.8 * 6 + 0.8 * 2 + 2.4 * 0.1;
    const predicted = shared + joules.reduce((sum, each) => sum + each, 0);
    expect(Math.abs(predicted / counted - 1)).toBeLessThan(0.01);
  });

  it('prices rows of one process together, by their run time, and idle time as what idle cores draw', () => {
    const rows = [
      [SIX, 0.3],
      [TWO, 1],
      [SIX, 0.1],
      [undefined, 1],
      [undefined, 0.6],
    ] as const;
    const { joules, error, idle } = price(new Story(MACHINE).run(10, [SIX, TWO]).ask(...rows));
    expect(joules[0]! / joules[2]!).toBeCloseTo(3, 6);
    expect(error[0]! / error[2]!).toBeCloseTo(3, 6);
    expect(joules[3]! + joules[4]!).toBeCloseTo(idle, 6);
    expect(error.slice(3)).toEqual([null, null]);
    const whole = price(new Story(MACHINE).run(10, [SIX, TWO]).ask([SIX, 0.4], [TWO, 1], [undefined, 1.6]));
    expect(joules[0]! + joules[2]!).toBeCloseTo(whole.joules[0]!, 6);
    expect(error[0]! + error[2]!).toBeCloseTo(whole.error[0]!, 6);
  });

  it('splits by time alone where powers are equal', () => {
    const equal = [1, 2, 3, 4, 5].map((process) => ({ process, executable: process, watts: 4 }));
    for (let seed = 1; seed <= 5; seed++) {
      const story = new Story({ ...MACHINE, noise: 0.05 }, { seed }).run(19, equal).ask().run(1, equal);
      const { joules, gate } = price(story.ask(...equal.map((task) => [task, 0.5] as const)));
      expect(gate).toBe(0);
      for (const each of joules) expect(Math.abs(each / joules[0]! - 1)).toBeLessThan(1e-3);
    }
  });

  it('tells its error: the true power is within two standard deviations', () => {
    let within = 0;
    let all = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const tasks = [6, 2, 4, 3, 5].map((power, i) => ({ process: i + 1, executable: i + 1, watts: power }));
      const { joules, error } = price(
        new Story({ ...MACHINE, noise: 0.1 }, { seed })
          .run(3, tasks)
          .ask(...tasks.map((task) => [task, 0.6] as const)),
      );
      tasks.forEach((task, i) => {
        all++;
        if (Math.abs(joules[i]! - 0.6 * task.watts) <= 2 * error[i]!) within++;
        expect(error[i]).toBeLessThan(0.6 * task.watts);
      });
    }
    expect(within / all).toBeGreaterThanOrEqual(0.9);
  });

  it('tells it where programs come and go together, and differ by far, before they are known', () => {
    let within = 0;
    let all = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const random = createRandom(seed);
      const story = new Story({ cores: 24, static: 20, noise: 0.01 }, { seed });
      const groups = Array.from({ length: 8 }, (_, group) => ({
        isOn: false,
        until: 0,
        tasks: [0, 1, 2].map((task) => {
          const process = 1 + 3 * group + task;
          return { process, executable: process, watts: 4 * Math.exp(0.7 * random.normal()) };
        }),
      }));
      for (let i = 0; i < 500; i++) {
        for (const group of groups.filter(({ until }) => i >= until)) {
          group.isOn = !group.isOn;
          group.until = i + 20 + 150 * random.uniform();
        }
        const tasks = groups.filter(({ isOn }) => isOn).flatMap((group) => group.tasks);
        story.window(tasks.map((task) => ({ task, run: 0.002 * (0.85 + 0.15 * random.uniform()) })));
      }
      const tasks = groups.flatMap((group) => group.tasks);
      const { joules, error } = price(story.ask(...tasks.map((task) => [task, 0.3] as const)));
      tasks.forEach(({ watts: power }, i) => {
        all++;
        if (Math.abs(joules[i]! - 0.3 * power) <= 2 * error[i]!) within++;
      });
    }
    expect(within / all).toBeGreaterThanOrEqual(0.8);
  });

  it('knows that it does not know what nobody has seen run', () => {
    const story = new Story(MACHINE).run(10, [SIX, TWO]);
    const { joules, error } = price(story.ask([SIX, 1], [TWO, 1], [FOUR, 1]));
    expect(error[2]! / joules[2]!).toBeGreaterThan(0.4);
    expect(error[0]! / joules[0]!).toBeLessThan(0.2);
  });

  it('is not misled by windows that are wrong', () => {
    const [six, two] = watts(new Story({ ...MACHINE, outliers: 0.02 }).run(20, [SIX, TWO]), SIX, TWO);
    expect(Math.abs(six! / two! / 3 - 1)).toBeLessThan(0.15);
    expect(Math.abs(six! / 6 - 1)).toBeLessThan(0.15);
  });

  it('does not take what a program does first, which is what all do, for what it is', () => {
    // Its first window is exec and the loader, and from then on it alone keeps the package awake.
    const meter: Task = { process: 9, executable: 9, watts: 0.5 };
    const beside = { task: meter, run: 0.0002 };
    const story = new Story({ cores: 2, static: 3, noise: 0.002 });
    for (let i = 0; i < 250; i++) story.window([beside]);
    story.window([{ task: { ...SIX, watts: 0.5 }, run: 0.0008 }, beside]);
    for (let i = 0; i < 1000; i++)
      story.window(i % 25 < 15 ? [{ task: SIX, run: 0.0018 }, beside] : [beside]);
    const [six] = watts(story, SIX);
    expect(Math.abs(six! / 6 - 1)).toBeLessThan(0.15);
  });

  it('finds out within seconds that programs do something else than they began with', () => {
    const story = new Story({ cores: 2, static: 3, noise: 0.005 });
    const meter = { task: { process: 9, executable: 9, watts: 0.5 }, run: 0.0002 };
    for (let i = 0; i < 500; i++) story.window([meter]);
    // Each loads for 40 ms of its own time before it computes.
    const programs = [
      { task: SIX, loaded: 0, isOn: (i: number) => i % 20 < 11 },
      { task: TWO, loaded: 0, isOn: (i: number) => i % 23 < 10 },
    ];
    for (let i = 0; i < 1000; i++) {
      const ran = programs
        .filter(({ isOn }) => isOn(i))
        .map((one) => {
          const power = one.loaded < 0.04 ? 0.5 : one.task.watts;
          one.loaded += 0.0018;
          return { task: { ...one.task, watts: power }, run: 0.0018 };
        });
      story.window(ran.length < 2 ? [...ran, meter] : ran);
    }
    const [six, two] = watts(story, SIX, TWO);
    expect(Math.abs(six! / 6 - 1)).toBeLessThan(0.1);
    expect(Math.abs(two! / 2 - 1)).toBeLessThan(0.2);
  });

  it('does not charge a task for waking the package', () => {
    // Half of the static power sleeps when all cores do, and a task that runs alone always wakes it.
    const story = new Story({ cores: 2, static: 10, asleep: 5 }).run(20, [SIX, TWO], 0.15);
    const [six, two] = watts(story, SIX, TWO);
    expect(Math.abs(six! / 6 - 1)).toBeLessThan(0.1);
    expect(Math.abs(two! / 2 - 1)).toBeLessThan(0.25);
    // Asleep as much as in the windows.
    const windows = story.lines.filter((line) => line.startsWith('window'));
    const asleep =
      windows.reduce((sum, line) => sum + Number(line.split(' ')[6]), 0) / (0.002 * windows.length);
    expect(Math.abs(price(story.ask([SIX, 0.1])).shared / (10 - 5 * asleep) - 1)).toBeLessThan(0.1);
  });

  it('forgets: a task that does something else is known again within a minute', () => {
    const story = new Story(MACHINE).run(20, [SIX, TWO]);
    const changed = [
      { ...SIX, watts: 2 },
      { ...TWO, watts: 6 },
    ];
    story.run(59, changed).ask().run(1, changed);
    const [now2, now6] = watts(story, SIX, TWO);
    expect(Math.abs(now2! / 2 - 1)).toBeLessThan(0.25);
    expect(Math.abs(now6! / 6 - 1)).toBeLessThan(0.1);
  });

  it('prices what ran before a change by the powers of then, in an interval as long as you like', () => {
    const story = new Story(MACHINE).run(20, [SIX, TWO]).ask().run(30, [SIX, TWO]);
    story.run(30, [
      { ...SIX, watts: 2 },
      { ...TWO, watts: 6 },
    ]);
    const { joules } = price(story.askOf(60, [SIX, 10], [TWO, 10]));
    for (const each of joules) expect(Math.abs(each / 40 - 1)).toBeLessThan(0.2);
  });

  it('keeps what it saw of an interval until all packages were asked for, whatever is learned between', () => {
    const story = new Story(MACHINE, { packages: 2 });
    const turns = (seconds: number, second: readonly Task[]): void => {
      for (const end = story.now + seconds; story.now < end - 1e-9;) {
        const begin = story.now;
        story.package = 0;
        story.run(0.002, [FOUR]);
        story.now = begin;
        story.package = 1;
        story.run(0.002, second);
      }
    };
    turns(10, [SIX, TWO]);
    for (story.package = 0; story.package < 2; story.package++) story.ask();
    turns(15, [SIX, TWO]);
    turns(15, [{ ...SIX, watts: 2 }, TWO]);
    story.package = 0;
    story.askOf(30, [FOUR, 10]).run(0.002, [FOUR]);
    story.package = 1;
    const { joules } = price(story.askOf(30, [SIX, 10], [TWO, 10]));
    expect(Math.abs(joules[0]! / 40 - 1)).toBeLessThan(0.2);
  });

  it('tells processes of one executable apart', () => {
    const light = { process: 1, executable: 9, watts: 2 };
    const heavy = { process: 2, executable: 9, watts: 3 };
    const [two, three] = watts(new Story(MACHINE).run(20, [light, heavy, FOUR]), light, heavy);
    expect(three! / two!).toBeGreaterThan(1.35);
    expect(three! / two!).toBeLessThan(1.65);
  });

  it('takes states back from who has gone, and gives them to who comes', () => {
    const story = new Story(MACHINE, { states: 24 });
    for (let generation = 0; generation < 20; generation++) {
      const tasks = [2, 3, 2, 3, 2, 3].map((power, i) => ({
        process: 10 * generation + i + 1,
        executable: 100 + (generation % 5),
        watts: power,
      }));
      story.run(4, tasks);
      if (generation === 19) {
        const { joules, restarts } = price(story.ask(...tasks.map((task) => [task, 1] as const)));
        expect(
          (joules[1]! + joules[3]! + joules[5]!) / (joules[0]! + joules[2]! + joules[4]!),
        ).toBeGreaterThan(1.25);
        expect(restarts).toBe(0);
      }
    }
  });

  it('keeps on when there are more executables than states', () => {
    const many = Array.from({ length: 300 }, (_, i) => ({ process: i + 1, executable: i + 1, watts: 4 }));
    const story = new Story(MACHINE, { states: 16 });
    for (let i = 0; i < 300; i += 10) story.run(0.6, many.slice(i, i + 10));
    story.run(20, [SIX, { ...TWO, process: 999, executable: 999 }]);
    const [six, two] = watts(story, SIX, { ...TWO, process: 999, executable: 999 });
    expect(six! / two!).toBeGreaterThan(2.4);
  });

  it('takes from the windows who ran beside whom', () => {
    const story = new Story({ cores: 1, static: 1 });
    // A and B always share the core, C has it for itself; all draw the same per second then.
    for (let i = 0; i < 10_000; i++) {
      const t = `${i * 0.002} ${(i + 1) * 0.002}`;
      const ran = i % 2 ? '1 1 0.002 0.002 2 2 0.002 0.002' : '3 3 0.002 0';
      story.lines.push(
        `window 0 ${t} ${i % 2 ? 0.012 + 0.0005 * (i % 3) : 0.01 + 0.0005 * (i % 3)} 0 0 ${ran}`,
      );
    }
    story.lines.push('interval 0 20 1 1 1 0.5 2 2 0.5 3 3 0.5');
    const [a, b, c] = price(story).joules;
    // A core that both share draws 11 W more than nothing, C alone 9 W.
    expect(Math.abs((a! + b!) / c! / (11 / 9) - 1)).toBeLessThan(0.1);
    expect(a! / b!).toBeCloseTo(1, 1);
  });

  it('asks for fewer windows once it knows enough, for all again when it does not', () => {
    const burst = (story: Story) => price(story.ask([SIX, 1])).burst;
    const known = [SIX, TWO, { ...SIX, process: 11 }, { ...TWO, process: 12 }];
    const story = new Story(MACHINE).run(4, known);
    expect(burst(story)).toBe(1000);
    expect(burst(story.run(16, known))).toBe(100);
    const strangers = [6, 1, 3, 2].map((power, i) => ({ process: 50 + i, executable: 50 + i, watts: power }));
    expect(burst(story.run(1.2, strangers, 0.3))).toBeGreaterThan(100);
  });

  it('tells nobody apart when windows have failed to come for long, and in the end knows nothing', () => {
    const story = new Story(MACHINE).run(10, [SIX, TWO]);
    const later = (seconds: number): Priced => {
      story.now += seconds;
      return price(story.ask([SIX, 1], [TWO, 1]));
    };
    const known = later(9);
    expect(known).toMatchObject({ learned: true, gate: 1 });
    const { gate, shared, idle } = later(2);
    expect(gate).toBe(0);
    expect(Math.abs(shared / known.shared - 1)).toBeLessThan(0.01);
    expect(Math.abs(idle / known.idle - 1)).toBeLessThan(0.01);
    expect(later(585).learned).toBe(true);
    expect(later(10).learned).toBe(false);
    expect(price(story.run(1, [SIX, TWO]).ask([SIX, 1]))).toMatchObject({ learned: true, gate: 1 });
  });

  it('begins anew when a number goes wrong, and says so', () => {
    const story = new Story(MACHINE).run(5, [SIX, TWO]);
    story.lines.push(`window 0 ${story.now} ${story.now + 0.002} 0.02 0 0 1 1 nan 0`);
    story.now += 0.002;
    expect(price(story.ask([SIX, 1]))).toMatchObject({ learned: false, restarts: 1 });
    const again = price(story.run(20, [SIX, TWO]).ask([SIX, 1], [TWO, 1]));
    expect(again.restarts).toBe(1);
    expect(Math.abs(again.joules[0]! / again.joules[1]! / 3 - 1)).toBeLessThan(0.15);
  });

  it('begins anew rather than believe in more than a package can draw', () => {
    const story = new Story({ ...MACHINE, static: 5000 }).run(1, [SIX, TWO]);
    expect(price(story.ask([SIX, 1])).restarts).toBeGreaterThan(0);
  });

  it('passes over windows without a length or an energy', () => {
    const story = new Story(MACHINE).run(5, [SIX, TWO]);
    for (const energy of [0, -1, NaN, Infinity]) story.window([{ task: SIX, run: 0.001 }], () => energy);
    story.lines.push(
      `window 0 ${story.now} ${story.now} 0.02 0 0`,
      `window 7 ${story.now} ${story.now + 0.002} 0.02 0 0`,
    );
    expect(price(story.ask([SIX, 1]))).toMatchObject({ learned: true, restarts: 0 });
  });

  it('has nothing shared where counters are of cores', () => {
    // What a core draws beyond its tasks is theirs.
    const story = new Story({ cores: 1, static: 0, idle: 0.1 }, { uncore: false }).run(20, [SIX, TWO]);
    const { shared, joules } = price(story.ask([SIX, 1], [TWO, 1]));
    expect(shared).toBe(0);
    expect(joules[0]! / joules[1]!).toBeCloseTo(3, 0);
  });
});
