// SPDX-License-Identifier: Apache-2.0
import { draw } from '../../../src/cli/screen/frame.ts';
import { START } from '../../../src/cli/screen/state.ts';
import { ASCII, glyphsOf, UNICODE } from '../../../src/cli/screen/look.ts';
import { widthOf } from '../../../src/cli/screen/text.ts';
import { VIEWS } from '../../../src/settings/types.ts';
import { recording } from '../../support/recording.ts';
import { StillScreen } from '../../support/scenes.ts';
import { snapshotOf } from '../../support/snapshots.ts';

const RECORDED = recording().slice(0, 120);
const WIDTHS = [20, 40, 45, 46, 54, 60, 64, 72, 80, 99, 100, 110, 120, 130, 150, 160, 200];

describe('the full screen', () => {
  it.each(VIEWS)(
    'by %s has no line wider than the terminal, at any width, and fills the last column',
    (view) => {
      const screen = new StillScreen({ view }).add(...RECORDED);
      for (const width of WIDTHS) {
        for (const height of [5, 24, 60]) {
          const lines = screen.text(width, height);
          expect(lines).toHaveLength(height);
          for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
          // Titles and rows reach to the last cell, and the number of rows is at the end of the last line.
          if (height >= 24) expect(widthOf(lines[4]!)).toBe(width);
          if (height >= 24) expect(widthOf(lines[5]!)).toBe(width);
          if (width >= 40) expect(lines.at(-1)).toMatch(/(\d+-\d+ of \d+|\d+ rows)$/);
        }
      }
    },
  );

  it('has the columns that the width has room for', () => {
    const screen = new StillScreen().add(...RECORDED);
    const titles = (width: number): string => screen.text(width, 24)[4]!.trim().replaceAll(/ +/g, ' ');
    expect(titles(40)).toBe('WATTS▾ PROGRAM');
    expect(titles(46)).toBe('WATTS▾ SHARE PROGRAM');
    expect(titles(54)).toBe('WATTS▾ SHARE 8 s PROGRAM');
    expect(titles(64)).toBe('WATTS▾ SHARE 8 s PID PROGRAM');
    expect(titles(80)).toBe('WATTS▾ SHARE 12 s CPU % PID PROGRAM');
    expect(titles(120)).toBe('WATTS▾ SHARE 30 s CPU % J 60 s PID PROGRAM');
    expect(titles(200)).toBe('WATTS▾ SHARE 60 s CPU % J 60 s PID PROGRAM WHERE');
  });

  it.each(WIDTHS.filter((width) => width >= 40))(
    'at %i columns tells the kind, how sure, and the ledger',
    (width) => {
      const estimated = new StillScreen().add(...RECORDED).text(width, 24);
      expect(estimated[0]).toMatch(/^≈[\d.]+ W estimated {2}±( not known|\?)/);
      expect(estimated[1]).toMatch(/proc.*idle.*unattr/);
      const sure = snapshotOf({ processes: [{ pid: 7, energy_j: 3, energy_err_j: 0.25 }] });
      const measured = new StillScreen().add(sure).text(width, 24);
      expect(measured[0]).toMatch(/^4\.00 W measured {2}(split )?±250 mW/);
      expect(measured[1]).toMatch(/proc(esses)? 3\.00.*idle 1\.00.*unattr(ibuted)? 0/);
    },
  );

  it('tells the same watts as the snapshots', () => {
    const lines = new StillScreen({ mean: 1 }).add(...RECORDED).text(80, 40);
    const { processes, interval_s } = RECORDED.at(-1)!;
    const largest = processes.filter(({ exited }) => !exited).toSorted((a, b) => b.energy_j - a.energy_j);
    for (const { pid, energy_j } of largest.slice(0, 5)) {
      const row = lines.find((line) => new RegExp(` ${pid} `).test(line))!;
      expect(Number.parseFloat(row)).toBeCloseTo(energy_j / interval_s, 2);
    }
  });

  it('has cores whose watts add up to all that was counted', () => {
    const screen = new StillScreen({ view: 'core' }).add(...RECORDED);
    const { scene, entries } = screen.picture();
    const counted = entries.reduce((sum, { energy }) => sum + energy, 0);
    expect(counted / scene!.shown.total).toBeCloseTo(1, 4);
    const [total, , cores] = screen.text(120, 24);
    const watts = [...cores!.matchAll(/([\d.]+) W/g)].map(([, text]) => Number(text));
    expect(watts).toHaveLength(2);
    expect(watts[0]! + watts[1]!).toBeCloseTo(Number(/[\d.]+/.exec(total!)![0]), 1);
  });

  it('moves at most 9 of the first 15 rows a second', () => {
    const screen = new StillScreen();
    let before: readonly string[] = [];
    let moved = 0;
    const all = recording();
    for (const snapshot of all) {
      const keys = screen
        .add(snapshot)
        .picture()
        .entries.slice(0, 15)
        .map(({ key }) => key);
      moved += keys.filter((key, i) => before[i] !== key).length;
      before = keys;
    }
    expect(moved / all.length).toBeLessThanOrEqual(9);
  });

  it('shows 30,000 ended processes as rows of their programs', () => {
    const processes = Array.from({ length: 30_000 }, (_, i) => ({
      pid: 100 + i,
      energy_j: 1e-4,
      executable: `prog${i % 20}`,
      cgroup: `/ci/${i % 3}`,
      exited: true,
    }));
    const screen = new StillScreen().add(snapshotOf({ processes }));
    expect(screen.picture().entries.length).toBeLessThanOrEqual(100);
    expect(screen.text(80, 24)[5]).toMatch(/prog\d+ \(500 ended\)/);
    screen.press('t');
    expect(screen.picture().entries.length).toBeLessThanOrEqual(100);
  });

  it('is ASCII where the locale is, and UTF-8 where nobody says otherwise', () => {
    const names = [{ pid: 7, energy_j: 3, executable: 'größe日本' }];
    const screen = new StillScreen({}, ASCII).add(...RECORDED, {
      ...snapshotOf({ processes: names }),
      time: '2026-12-01T00:00:00Z',
    });
    for (const view of VIEWS) {
      screen.state = { ...screen.state, view };
      expect(screen.text(120, 40).join('')).toMatch(/^[\x20-\x7e]*$/);
    }
    expect(glyphsOf({ LC_ALL: 'C' })).toBe(ASCII);
    expect(glyphsOf({ LANG: 'de_DE.ISO-8859-1' })).toBe(ASCII);
    expect(glyphsOf({ LC_CTYPE: 'de_DE.UTF-8', LANG: 'C' })).toBe(UNICODE);
    expect(glyphsOf({})).toBe(UNICODE);
  });

  it('is never disturbed by names', () => {
    const names = [
      '\x1b[2J',
      'a\rb',
      '\u202eevil',
      '日本語'.repeat(40),
      '👨‍👩‍👧‍👦'.repeat(9),
      `Z${'\u0300'.repeat(50)}`,
      '',
    ];
    const processes = names.map((executable, i) => ({
      pid: 7 + i,
      energy_j: 7 - i,
      executable,
      cgroup: `/${executable}`,
    }));
    const screen = new StillScreen().add(snapshotOf({ processes }));
    for (const view of VIEWS) {
      screen.state = { ...screen.state, view };
      for (const width of WIDTHS) {
        for (const line of screen.text(width, 24)) {
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}]/u);
          expect(widthOf(line)).toBeLessThanOrEqual(width);
        }
      }
    }
  });

  it('says that figures are on their way until there are some', () => {
    expect(new StillScreen().text(40, 10).join('\n')).toContain('first figures');
    const none = { scene: undefined, entries: [], state: START, notice: 'no counter has moved yet' };
    expect(draw(none, { width: 40, height: 10 }, UNICODE)[0]).toEqual([
      { text: 'joules: no counter has moved yet' },
    ]);
  });
});

describe('the tree of cgroups', () => {
  const spec = (pid: number, cgroup: string, executable: string, energy_j: number) => ({
    pid,
    cgroup,
    executable,
    energy_j,
  });
  const tree = (): StillScreen =>
    new StillScreen({ view: 'cgroup' }).add(
      snapshotOf({
        processes: [
          spec(1, '/a/b/x.service', 'cc1', 1),
          spec(2, '/a/b/x.service', 'cc1', 2),
          spec(3, '/a/b/y.service', 'make', 0.5),
          spec(4, '/z', 'idle', 0.25),
        ],
      }),
    );
  const names = (screen: StillScreen): string[] => {
    const [titles, ...rows] = screen.text(80, 24).slice(4, -1);
    const at = titles!.indexOf('CGROUP');
    return rows.map((line) => line.slice(at).trimEnd()).filter((line) => line !== '');
  };

  it('has sums of what is below, and one row for a way without turnings and for processes of a program', () => {
    const screen = tree();
    expect(names(screen).map((line) => line.trim())).toEqual([
      '▾ a/b',
      '▾ x.service',
      'cc1 ×2',
      '▾ y.service',
      'make',
      '▾ z',
      'idle',
    ]);
    const { entries } = screen.picture();
    expect(entries.map(({ energy }) => energy / 1e6)).toEqual([3.5, 3, 3, 0.5, 0.5, 0.25, 0.25]);
  });

  it('folds and unfolds the marked group, and the one that a marked program is in', () => {
    const screen = tree().press('down', 'down', 'down', 'left');
    expect(names(screen).map((line) => line.trim())).toEqual([
      '▾ a/b',
      '▸ x.service ×2',
      '▾ y.service',
      'make',
      '▾ z',
      'idle',
    ]);
    screen.press('left');
    expect(names(screen).map((line) => line.trim())).toEqual(['▸ a/b ×3', '▾ z', 'idle']);
    screen.press('right');
    expect(names(screen)).toHaveLength(6);
  });

  it('shows what has the words that are looked for, with the groups that it is in', () => {
    const screen = tree().press('/', 'm', 'a', 'k', 'return');
    expect(names(screen).map((line) => line.trim())).toEqual(['▾ a/b/y.service', 'make']);
    expect(names(screen.press('escape'))).toHaveLength(7);
  });
});
