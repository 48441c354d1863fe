// SPDX-License-Identifier: Apache-2.0
import { percent, watts } from '../verify/check.ts';
import type { Judgement, LoadReport } from '../verify/judge.ts';
import type { Observation } from '../verify/observation.ts';
import { TOGETHER } from '../verify/shares.ts';

/** Schema and shape of `joules verify --json`. SI units, and parts of one. */
export interface Verification extends Judgement {
  readonly schema: 'joules.verify/1';
  readonly version: string;
  readonly machine: Observation['machine'];
  readonly source: {
    readonly name: string;
    readonly kind: string;
    readonly scope: string;
    readonly counters: number;
  };
  readonly seconds: number;
}

export function verification(
  { machine, source, samples }: Observation,
  judgement: Judgement,
  version: string,
): Verification {
  const { name, kind, scope, zones, reader } = source;
  return {
    schema: 'joules.verify/1',
    version,
    machine,
    source: { name, kind, scope, counters: reader === 'none' ? 0 : zones.length },
    seconds: samples.reduce((total, { seconds }) => total + seconds, 0),
    ...judgement,
  };
}

const WIDTH = 100;

/** The table: to be pasted into a report as it is. */
export function verifyReport({
  version,
  machine,
  source,
  seconds,
  verdict,
  checks,
  loads,
  others,
}: Verification): string {
  const { model, kernel, arch, virtual, cpus, cores, packages } = machine;
  const counters = source.counters === 1 ? '1 counter' : `${source.counters} counters`;
  const title = Math.max(...checks.map(({ name }) => name.length));
  const indent = 13 + title;
  const unjudged = checks.filter(({ result }) => result === 'not judged').map(({ name }) => name);
  return [
    `joules verify ${version}: ${verdict}${unjudged.length > 0 ? ` (not judged: ${unjudged.join(', ')})` : ''}`,
    '',
    `machine  ${model}${virtual ? ' (virtual)' : ''}, ${cpus} CPUs, ${cores} cores, ${packages} package${packages > 1 ? 's' : ''}`,
    `kernel   Linux ${kernel} ${arch}`,
    `source   ${source.name}: ${source.kind}, scope ${source.scope}, ${counters}`,
    `run      ${seconds.toFixed(0)} s; others used ${percent(others)} of the CPUs`,
    '',
    ...loadTable(loads),
    '',
    ...checks.flatMap(({ name, result, text }) => {
      const [first = '', ...rest] = wrapped(text, WIDTH - indent - 2);
      return [
        `${(result === 'pass' ? 'ok' : result).padEnd(11)}  ${name.padEnd(title)}  ${first}`,
        ...rest.map((line) => ' '.repeat(indent + 2) + line),
      ];
    }),
    '',
  ].join('\n');
}

/** What each load drew and was charged with, W while it ran. */
function loadTable(loads: readonly LoadReport[]): string[] {
  const shown = TOGETHER.filter((arrangement) => loads.some(({ together }) => together[arrangement]));
  const power = (value: number | null | undefined): string =>
    value === null || value === undefined ? '-' : watts(value);
  const lines = [
    [
      'load',
      'drew',
      'charged alone',
      ...shown.map((arrangement) => (arrangement === 'turns' ? 'in turns' : arrangement)),
    ],
    ...loads.map(({ load, drawn_w, alone_w, together }) => [
      load,
      power(drawn_w),
      power(alone_w),
      ...shown.map((arrangement) => power(together[arrangement]?.charged_w)),
    ]),
  ];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((cells) => cells[column]!.length)));
  return lines.map((cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
}

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length <= width) lines.splice(-1, 1, longer);
    else lines.push(word);
  }
  return lines;
}
