// SPDX-License-Identifier: Apache-2.0
import { inWatts, percent, watts } from '../../web/shared/format.ts';
import { textOf } from '../../recording/moment.ts';
import { errorOf } from './columns.ts';
import { type Glyphs, type Line, type Piece, sparkline, type Style } from './look.ts';
import { framesOfMean, type Scene } from './scene.ts';
import { widthOf } from './text.ts';

/** `16:21:05`: what knows of languages takes milliseconds for it. */
export function clockOf(time: number): string {
  return textOf(time).slice(-8);
}

/** How much, of what kind, how certain and when. The kind and the uncertainty have room before all else. */
export function totalLine(scene: Scene, badge: string | undefined, width: number, glyphs: Glyphs): Line {
  const { shown, kind, source } = scene;
  const total = `${source.kind === 'estimated' ? glyphs.about : ''}${watts(shown.total, shown.ms)}`;
  const error = errorOf(scene);
  const isKnown = !Number.isNaN(error);
  const short = isKnown ? `${glyphs.plusMinus}${watts(error, shown.ms)}` : `${glyphs.plusMinus}?`;
  const long = isKnown ? `split ${short}` : `${glyphs.plusMinus} not known`;
  const time = clockOf(shown.to);
  const badges: Piece[] = badge === undefined ? [] : [{ text: ` ${badge} `, style: 'badge' }, { text: ' ' }];
  const taken = lengthOf(badges) + widthOf(total) + 1;
  const fits = (...parts: readonly string[]): boolean => taken + widthOf(parts.join('  ')) <= width;
  const [its, sure] = fits(kind, long, time)
    ? [kind, long]
    : fits(source.kind, long, time)
      ? [source.kind, long]
      : [source.kind, short];
  const left: Line = [
    ...badges,
    { text: total, style: 'bold' },
    { text: ` ${its}  ` },
    { text: sure, style: 'dim' },
  ];
  const room = width - lengthOf(left) - time.length - 4;
  const frames = scene.frames.slice(-Math.max(0, room));
  const powers = frames.map(({ ledger, ms }) => sumOf(ledger) / ms);
  const chart = room >= 6 ? sparkline(powers, room, glyphs) : '';
  const filled: Line = [...left, { text: '  ' }, { text: chart, style: 'bar' }];
  if (lengthOf(filled) + time.length > width) return left;
  return [
    ...filled,
    { text: ' '.repeat(width - lengthOf(filled) - time.length) },
    { text: time, style: 'dim' },
  ];
}

/** Where it went: parts that add up to what was counted. */
export function ledgerLine({ shown, source }: Scene, width: number, glyphs: Glyphs): Line {
  const { process, idle, shared, gap, lost } = shown.ledger;
  const nobody = shared + gap + lost;
  const sign = source.kind === 'estimated' ? glyphs.about : '';
  const text = (energy: number): string => {
    const said = watts(energy, shown.ms);
    return energy === 0 || said.startsWith('<') ? said : `${sign}${said}`;
  };
  const part = (energy: number): string => (energy > 0 ? ` ${percent(energy / shown.total)}` : '');
  const words = (names: readonly string[], withPart: boolean): string =>
    [process, idle, nobody]
      .map((energy, i) => `${names[i]} ${text(energy)}${withPart ? part(energy) : ''}`)
      .join(glyphs.dot);
  const long = words(['processes', 'idle', 'unattributed'], true);
  const middle = words(['processes', 'idle', 'unattributed'], false);
  const short = words(['proc', 'idle', 'unattr'], false);
  const shortest = short.replaceAll(' W', '').replaceAll(glyphs.dot, ' ');
  const said =
    [long, middle, short].find((one) => widthOf(one) + (width >= 60 ? 10 : 0) <= width) ?? shortest;
  const room = width - widthOf(said) - 2;
  if (room < 8 || shown.total <= 0) return [{ text: said }];
  const cells = partition([process, idle, nobody], room);
  const bars: readonly (readonly [string, Style])[] = [
    [glyphs.eighths[8]!, 'bar'],
    [glyphs.idle, 'idle'],
    [glyphs.nobody, 'nobody'],
  ];
  return [
    ...bars.map(([glyph, style], i) => ({ text: glyph.repeat(cells[i]!), style })),
    { text: `  ${said}` },
  ];
}

/** What each core draws; the colour is what it draws beyond idle. */
export function coresLine(scene: Scene, width: number, glyphs: Glyphs): Line {
  const { dictionary, shown } = scene;
  const sums = new Map<number, [energy: number, idle: number]>();
  for (const { cores } of framesOfMean(scene)) {
    for (let i = 0; i < cores.length; i += 3) {
      const [energy, idle] = sums.get(cores[i]!) ?? [0, 0];
      sums.set(cores[i]!, [energy + cores[i + 1]!, idle + cores[i + 2]!]);
    }
  }
  const cores = [...sums].toSorted(([one], [other]) => one - other);
  if (cores.length === 0) return [];
  const most = Math.max(...cores.map(([, [energy]]) => energy), 1e-9);
  const levelOf = (energy: number, idle: number): number => Math.max(0, Math.min(1, (energy - idle) / most));
  const ids = cores.map(([core]) => dictionary.cores.get(core) ?? '');
  const hasOne = new Set(ids.map((id) => id.split(':')[0])).size === 1;
  const pieces = cores.flatMap(([, [energy, idle]], i): Piece[] => {
    const name = hasOne ? ids[i]!.slice(ids[i]!.indexOf(':') + 1) : ids[i]!;
    return [
      { text: `  ${name} ` },
      heat(levelOf(energy, idle), 3, glyphs),
      { text: ` ${watts(energy, shown.ms)}` },
    ];
  });
  const full: Line = [{ text: 'cores' }, ...pieces];
  if (lengthOf(full) <= width) return full;
  const tail = `  most ${watts(most, shown.ms)}`;
  // Where there are more than cells, one stands for the busiest of its neighbours.
  const each = Math.ceil(cores.length / Math.max(1, width - 6 - tail.length));
  const strip: Piece[] = [];
  for (let i = 0; i < cores.length; i += each) {
    const levels = cores.slice(i, i + each).map(([, [energy, idle]]) => levelOf(energy, idle));
    strip.push(heat(Math.max(...levels), 1, glyphs));
  }
  return [{ text: 'cores ' }, ...strip, { text: tail, style: 'dim' }];
}

/** The meter itself, for whoever asks what it costs. */
export function selfText(scene: Scene, glyphs: Glyphs): string {
  const { shown, source } = scene;
  const now = framesOfMean(scene);
  const sum = (index: 0 | 1 | 2): number => now.reduce((total, { self }) => total + self[index], 0);
  const sign = source.kind === 'estimated' ? glyphs.about : '';
  const lost = sum(2) > 0 ? `, ${sum(2)} charges lost` : '';
  const rate = Math.round((sum(1) / shown.ms) * 1000);
  return `joules itself ${sign}${inWatts(sum(0) / shown.ms / 1000)}, ${rate} switches/s${lost}`;
}

export function lengthOf(line: Line): number {
  return line.reduce((length, { text }) => length + widthOf(text), 0);
}

function heat(level: number, cells: number, { levels }: Glyphs): Piece {
  const style = `heat${Math.min(5, Math.floor(level * 5.99))}` as Style;
  return { text: levels[Math.min(7, Math.floor(level * 7.99))]!.repeat(cells), style };
}

/** Whole cells in the proportion of values, all of them together. */
function partition(values: readonly number[], cells: number): number[] {
  const total = values.reduce((sum, value) => sum + Math.max(0, value), 0);
  let exact = 0;
  let given = 0;
  return values.map((value) => {
    exact += total > 0 ? (Math.max(0, value) / total) * cells : 0;
    const share = Math.round(exact) - given;
    given += share;
    return share;
  });
}

function sumOf({ process, idle, shared, gap, lost }: Scene['shown']['ledger']): number {
  return process + idle + shared + gap + lost;
}
