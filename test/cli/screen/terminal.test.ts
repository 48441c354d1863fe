// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf } from '../../../src/cli/screen/terminal.ts';
import { widthOf } from '../../../src/cli/screen/text.ts';
import { JOULES } from '../../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../../support/kernel.ts';
import { snapshotOf } from '../../support/snapshots.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { describeInTerminal, TerminalStage } from '../../support/terminal.ts';

const FIXTURE = join(__dirname, '../../fixtures/recording.jsonl.br');
const REPLAY = ['top', '--replay', FIXTURE, '--from', '90s'] as const;

/** Resolves when the shell has its screen back, all as it was. */
async function restored(stage: TerminalStage): Promise<void> {
  await stage.shows(/back \d+$/m);
  expect(['alternate_on', 'cursor_flag', 'wrap_flag'].map((name) => stage.told(name))).toEqual([
    '0',
    '1',
    '1',
  ]);
  // What is typed is echoed, and Enter is one.
  stage.run('echo hello $((40 + 2))');
  const lines = await stage.shows(/^hello 42$/m);
  expect(lines.join('\n')).toContain('echo hello');
}

/** Starts it and resolves when it shows figures. */
async function started(stage: TerminalStage, ...args: readonly string[]): Promise<void> {
  stage.run('clear; echo before');
  stage.run(`'${process.execPath}' '${JOULES}' ${args.join(' ')}; echo back $?`);
  await stage.shows(/W estimated/);
  expect(stage.told('alternate_on')).toBe('1');
}

/** SGR parameters that the screen has. */
function stylesOf(stage: TerminalStage): string[] {
  const [, ...sequences] = stage.screen(true).join('').split('\x1b[');
  return sequences.flatMap((sequence) => sequence.slice(0, sequence.indexOf('m')).split(';'));
}

/** Id of the process that runs in the shell. */
function child(stage: TerminalStage): number {
  return Number(
    execFileSync('pgrep', ['-P', stage.told('pane_pid'), '-f', 'joules'], { encoding: 'utf8' }).trim(),
  );
}

describeInTerminal('joules top in a terminal', () => {
  it.each([40, 80, 120, 200])('of %i columns shows the last cell of each full line', async (width) => {
    await using stage = new TerminalStage(width, 24);
    await started(stage, ...REPLAY);
    await stage.shows(/W estimated(.*\n){5}.*\d\.\d\d\d/);
    stage.press('Space');
    const lines = await stage.shows(/PAUSED/);
    expect(lines).toHaveLength(24);
    expect(lines[0]).toMatch(/estimated .*±/);
    // The clock ends the first line, the number of rows the last one; both are in the last column.
    expect(widthOf(lines[0]!)).toBe(width);
    expect(lines[0]).toMatch(/\d\d:\d\d:\d\d$/);
    expect(widthOf(lines[23]!)).toBe(width);
    expect(lines[23]).toMatch(/(of \d+|rows)$/);
  });

  it('fits itself to a terminal that is resized', async () => {
    await using stage = new TerminalStage(80, 24);
    await started(stage, ...REPLAY);
    for (const [width, height] of [
      [120, 40],
      [40, 12],
      [200, 30],
    ] as const) {
      stage.resize(width, height);
      const lines = await waitFor(`${width} columns`, () => {
        const shown = stage.screen();
        const isFilled = widthOf(shown[0]!) === width && widthOf(shown[height - 1]!) === width;
        return shown.length === height && isFilled ? shown : undefined;
      });
      expect(lines[height - 1]).toMatch(/(of \d+|rows)$/);
    }
  });

  it.each([
    ['q', 'q'],
    ['Ctrl-C', 'C-c'],
  ])('gives the terminal back on %s', async (_name, key) => {
    await using stage = new TerminalStage(80, 24);
    await started(stage, ...REPLAY);
    stage.press(key);
    const lines = await stage.shows(/back 0$/m);
    expect(lines.join('\n')).toMatch(/before/);
    await restored(stage);
  });

  it.each([
    ['SIGTERM', '0'],
    ['SIGINT', '0'],
    ['SIGHUP', '129'],
    ['SIGQUIT', '131'],
  ] as const)('gives the terminal back on %s', async (signal, status) => {
    await using stage = new TerminalStage(80, 24);
    await started(stage, ...REPLAY);
    process.kill(child(stage), signal);
    const lines = await stage.shows(/back \d+$/m);
    expect(lines.join('\n')).toMatch(new RegExp(`back ${status}$`, 'm'));
    await restored(stage);
  });

  it('gives the terminal back where it fails, and says why', async () => {
    await using stage = new TerminalStage(80, 24);
    const path = join(temporaryDirectory(), 'bad.jsonl');
    const lines = [snapshotOf({ processes: [{ pid: 7, energy_j: 1 }] }), { time: '2026-01-01T00:00:09Z' }];
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    stage.run(`'${process.execPath}' '${JOULES}' top --replay '${path}'; echo back $?`);
    const shown = await stage.shows(/back 2$/m);
    expect(shown.join('')).toMatch(/cannot read .*bad\.jsonl: line 2 is no snapshot/);
    await restored(stage);
  });

  it('gives the terminal back after a defect, with its stack', async () => {
    await using stage = new TerminalStage(80, 24);
    const [path, sign] = ['defect.cjs', 'now'].map((name) => join(temporaryDirectory(), name)) as [
      string,
      string,
    ];
    // As a defect of ours would, some time after the start.
    const defect = `if (require('fs').existsSync('${sign}')) throw new Error('a defect of ours');`;
    writeFileSync(path, `setInterval(() => { ${defect} }, 100);`);
    stage.run('clear; echo before');
    stage.run(`'${process.execPath}' -r '${path}' '${JOULES}' ${REPLAY.join(' ')}; echo back $?`);
    await stage.shows(/W estimated/);
    writeFileSync(sign, '');
    const shown = await stage.shows(/back \d+$/m);
    expect(shown.join('\n')).toMatch(/a defect of ours/);
    await restored(stage);
  });

  it('gives the terminal to the shell while it is suspended, and takes it again', async () => {
    await using stage = new TerminalStage(80, 24);
    await started(stage, ...REPLAY);
    stage.press('C-z');
    await waitFor('the shell', () => (stage.told('alternate_on') === '0' ? true : undefined));
    stage.run('echo meanwhile $((6 * 7))');
    await stage.shows(/^meanwhile 42$/m);
    expect(stage.told('cursor_flag')).toBe('1');
    stage.run('fg');
    await stage.shows(/W estimated/);
    expect(['alternate_on', 'cursor_flag', 'wrap_flag'].map((name) => stage.told(name))).toEqual([
      '1',
      '0',
      '0',
    ]);
    // Keys come one by one again.
    stage.press('Space');
    await stage.shows(/PAUSED/);
    stage.press('q');
    await restored(stage);
  });

  it('takes keys: tree, cores, filter, sort, mean, help', async () => {
    await using stage = new TerminalStage(120, 30);
    await started(stage, ...REPLAY);
    stage.press('Space', 't');
    await stage.shows(/CGROUP \/ PROGRAM[\s\S]*▾ /);
    stage.press('c');
    await stage.shows(/ CORE\n.* core 0:\d/);
    stage.press('c', '/');
    stage.press('n', 'o', 'd', 'e', 'q');
    await stage.shows(/nothing has these words/);
    stage.press('BSpace', 'Enter');
    const rows = (await stage.shows(/filter "node"/)).slice(5, 25).filter((line) => /\d\.\d/.test(line));
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row).toMatch(/node/);
    stage.press('Escape');
    await stage.shows(/\/ filter {2}/);
    stage.press('s', 'm', 'Down');
    await stage.shows(/CPU %▾[\s\S]*sort: cpu {2}m mean: 30 s/);
    expect(stylesOf(stage)).toContain('7');
    stage.press('?');
    await stage.shows(
      /fold, unfold[\s\S]*estimated: no energy was counted[\s\S]*order: by watts[\s\S]*joules itself/,
    );
    stage.press('x');
    await stage.shows(/PROGRAM/);
  });

  it('steps, jumps and plays faster where it is a recording', async () => {
    await using stage = new TerminalStage(100, 24);
    await started(stage, 'top', '--replay', FIXTURE);
    stage.press('Space');
    await stage.shows(/PAUSED/);
    const at = (): number => Number(/\|\| (\d+)\/195/.exec(stage.screen().join('\n'))?.[1]);
    const begun = at();
    stage.press('.', '.', '.');
    await waitFor('three steps', () => (at() === begun + 3 ? true : undefined));
    stage.press(',');
    await waitFor('a step back', () => (at() === begun + 2 ? true : undefined));
    stage.press(']');
    await waitFor('ten seconds', () => (Math.abs(at() - begun - 12) <= 1 ? true : undefined));
    stage.press('}');
    await stage.shows(/195\/195/);
    stage.press('{');
    await stage.shows(/ 1\/195/);
    stage.press('+', '+', '+', '+', '+', 'Space');
    await stage.shows(/×100/);
    const lines = await stage.shows(/195\/195/);
    expect(lines[0]).toMatch(/^ REPLAY .*15:52:53$/);
  });

  it('has no colours with NO_COLOR, and still a marked row', async () => {
    await using stage = new TerminalStage(100, 24, { NO_COLOR: '1' });
    await started(stage, ...REPLAY);
    stage.press('Down');
    await waitFor('a marked row', () => (stylesOf(stage).includes('7') ? true : undefined));
    // 39 and 49 are the terminal's own.
    const isColour = (style: string): boolean => /^([349][0-7]|[34]8|10[0-7])$/.test(style);
    expect(stylesOf(stage).filter(isColour)).toEqual([]);
  });

  it('is the plain table with --plain, and where the terminal cannot move its cursor', async () => {
    await using stage = new TerminalStage(100, 24);
    stage.joules(...REPLAY, '--count', '1', '--limit', '3', '--plain');
    await stage.shows(/EXECUTABLE +CGROUP/);
    expect(stage.told('alternate_on')).toBe('0');
    stage.run('clear; export TERM=dumb');
    stage.joules(...REPLAY, '--count', '1', '--limit', '3', '|', 'cat', '-v');
    await stage.shows(/EXECUTABLE +CGROUP/);
    stage.joules(...REPLAY, '--count', '1', '--limit', '3');
    await stage.shows(/EXECUTABLE[\s\S]*EXECUTABLE/);
    expect(stage.screen().join('\n')).not.toContain('[?');
  });
});

describeInTerminal('joules top and names that were made to harm', () => {
  it('shows them, and the screen stays whole', async () => {
    await using stage = new TerminalStage(80, 24);
    const path = join(temporaryDirectory(), 'names.jsonl');
    const names = [
      '\x1b[2J\x1b[H',
      '\x1b]0;title\x07',
      '日本語'.repeat(20),
      '👨‍👩‍👧‍👦 family',
      'a\nb',
      `Z${'\u0300'.repeat(60)}`,
    ];
    const processes = names.map((executable, i) => ({
      pid: 100 + i,
      energy_j: 9 - i,
      executable,
      cgroup: `/${executable}`,
    }));
    writeFileSync(path, `${JSON.stringify(snapshotOf({ processes }))}\n`);
    stage.run(`'${process.execPath}' '${JOULES}' top --replay '${path}'`);
    const lines = await stage.shows(/measured[\s\S]*100[\s\S]*105/);
    expect(lines.slice(5, 11).map((line) => /\b10\d\b/.exec(line)?.[0])).toEqual([
      '100',
      '101',
      '102',
      '103',
      '104',
      '105',
    ]);
    expect(lines[5]).toContain('\\u001b');
    expect(lines[7]).toMatch(/日本語.*…/);
    // The line below the widest name is where it belongs.
    expect(lines[8]!.indexOf('103')).toBe(lines[6]!.indexOf('101'));
  });
});

describeOnKernel('joules top that measures, in a terminal', () => {
  it('shows what runs, and gives the terminal back after --count', async () => {
    await using stage = new TerminalStage(100, 24);
    stage.run(`'${process.execPath}' '${JOULES}' top --source '${TSC}' --interval 0.5; echo back $?`);
    const lines = await stage.shows(/W measured[\s\S]*\d\.\d/);
    expect(lines[1]).toMatch(/processes .* idle .* unattributed/);
    expect(lines[2]).toMatch(/^cores/);
    stage.press('q');
    await stage.shows(/back 0$/m);
    await restored(stage);
  });
});

describe('the size of a terminal', () => {
  it('is what it tells, else what variables tell, else usual', () => {
    expect(sizeOf({ columns: 120, rows: 40 }, { COLUMNS: '9', LINES: '9' })).toEqual({
      width: 120,
      height: 40,
    });
    expect(sizeOf({ columns: 0, rows: 0 }, { COLUMNS: '132', LINES: '43' })).toEqual({
      width: 132,
      height: 43,
    });
    expect(sizeOf({}, { COLUMNS: '-1', LINES: 'many' })).toEqual({ width: 80, height: 24 });
    expect(sizeOf({ columns: 65_535, rows: 65_535 }, {})).toEqual({ width: 1000, height: 500 });
  });
});
