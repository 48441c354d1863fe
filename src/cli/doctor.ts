// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVirtual } from '../counters/update-period.ts';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import { findHierarchy } from '../host/hierarchy.ts';
import { type Meter, openMeter } from '../meter.ts';
import { describeWatts } from '../sources/estimated.ts';
import { selectSource } from '../sources/select.ts';
import type { Selection } from '../model/source.ts';
import { parseOptions } from '../settings/options.ts';
import type { MeterOptions } from '../settings/types.ts';
import { figure, jsonLine, printable } from './print.ts';

interface Finding {
  readonly name: string;
  /** null: a fact, neither good nor bad. */
  readonly ok: boolean | null;
  readonly detail: string;
}

const TRIAL_MS = 300;
const CAPABILITIES = { CAP_SYS_ADMIN: 21n, CAP_PERFMON: 38n, CAP_BPF: 39n } as const;

/** `joules doctor`: what this kernel, hardware and user can do. Exit status 0 if measuring is possible, else 3. */
export async function doctor(args: string[]): Promise<number> {
  const { meter: options, own } = parseOptions('doctor', args);
  const root = options.root ?? '/';
  const [sys, proc] = [join(root, 'sys'), join(root, 'proc')];
  const selection = selectSource({ spec: 'auto', ...options, sys, proc, dev: join(root, 'dev') });
  const findings: Finding[] = [
    { name: 'kernel', ok: null, detail: release() },
    btf(sys),
    privileges(),
    cgroups(proc, root),
    ...sources(selection),
  ];
  const trial = await tryMeasuring(options);
  if (trial.blindTo) findings.push({ name: 'pid namespace', ok: false, detail: trial.blindTo });
  if (trial.hidden?.length) findings.push({ name: 'CPUs', ok: false, detail: hiddenDetail(trial.hidden) });
  if (trial.counter) findings.push(trial.counter);
  findings.push(trial.finding);
  if (own.json) process.stdout.write(jsonLine({ source: selection.source.name, findings }));
  else process.stdout.write(`${findings.map((finding) => printable(line(finding))).join('\n')}\n`);
  return trial.finding.ok ? 0 : EXIT_UNABLE;
}

function hiddenDetail(cpus: readonly string[]): string {
  return `sysfs does not list ${cpus.join(', ')}, as lxcfs hides them: their energy is a gap; mount the host's /sys and give --root`;
}

function line({ name, ok, detail }: Finding): string {
  return `${ok === null ? ' ' : ok ? '+' : '-'} ${name.padEnd(16)} ${detail}`;
}

function btf(sys: string): Finding {
  const path = join(sys, 'kernel/btf/vmlinux');
  return existsSync(path)
    ? { name: 'BTF', ok: true, detail: path }
    : { name: 'BTF', ok: false, detail: `${path} is missing: use a kernel built with CONFIG_DEBUG_INFO_BTF` };
}

/** Our own, hence our own /proc. */
function privileges(): Finding {
  const status = readFileSync('/proc/self/status', 'latin1');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = (name: keyof typeof CAPABILITIES): boolean => ((effective >> CAPABILITIES[name]) & 1n) === 1n;
  const missing = (['CAP_BPF', 'CAP_PERFMON'] as const).filter((name) => !has(name) && !has('CAP_SYS_ADMIN'));
  return missing.length === 0
    ? { name: 'privileges', ok: true, detail: 'CAP_BPF and CAP_PERFMON' }
    : {
        name: 'privileges',
        ok: false,
        detail: `${missing.join(' and ')} missing: run as root or grant them`,
      };
}

function cgroups(proc: string, root: string): Finding {
  const { version, controller, mount } = findHierarchy(proc, root);
  const hierarchy = controller === null ? 'v2' : `v${version}, controller ${controller}`;
  return { name: 'cgroups', ok: null, detail: `${hierarchy}, at ${mount}` };
}

function sources({ source, rejected }: Selection): Finding[] {
  return [
    ...rejected.map(({ name, reason }) => ({ name, ok: false, detail: reason })),
    {
      name: source.name,
      ok: true,
      detail: `${source.kind}, scope ${source.scope}, ${source.zones.length} counter(s)${source.reader === 'none' ? `, from ${describeWatts(source.watts)}` : ''}`,
    },
    ...source.auxiliary.map(({ id, place }) => ({
      name: id,
      ok: true,
      detail: `beside it, by ${place.via}${place.via === 'power' ? ' integrated over time (estimated)' : ''}`,
    })),
  ];
}

/** How fine energy can be told apart in time, and what that costs. */
async function counter(meter: Meter): Promise<Finding | undefined> {
  const found = await meter.calibrate();
  if (!found) return undefined;
  const { periodNs, jitterNs = 0, changes } = found;
  const reads = `${found.reads} reads of ${duration(found.readNs)}`;
  const name = 'counter';
  if (changes === 0)
    return { name, ok: false, detail: `stood still over ${reads}: is it a counter of energy?` };
  if (periodNs === undefined) return { name, ok: null, detail: `changed once in ${reads}` };
  const detail =
    periodNs === 0
      ? `changes from read to read (${reads})`
      : `changes every ${duration(periodNs)} ± ${duration(jitterNs)} (${changes} changes in ${reads})`;
  return { name, ok: null, detail: isVirtual(found) ? `${detail}: ${VIRTUAL}` : detail };
}

const VIRTUAL =
  'it is virtual, its host shares energy out by CPU time, and so it is split here: apportioned by time, never learned';

function duration(ns: number): string {
  const [value, unit] = ns < 1e6 ? [ns / 1e3, 'µs'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];
  return `${Number(value.toPrecision(3))} ${unit}`;
}

interface Trial {
  readonly finding: Finding;
  readonly counter?: Finding | undefined;
  readonly blindTo?: string | undefined;
  /** CPUs that sysfs does not list. */
  readonly hidden?: readonly string[];
}

/** The proof: measures for a moment. */
async function tryMeasuring(options: MeterOptions): Promise<Trial> {
  const name = 'measuring';
  try {
    const lines: string[] = [];
    await using meter = await openMeter({ ...options, log: (text) => void lines.push(text) });
    await sleep(TRIAL_MS);
    const { totals, interval_s, self, source } = await meter.snapshot();
    // A CPU that is hidden is known as such by the second interval in which it ran something.
    await sleep(TRIAL_MS);
    await meter.snapshot();
    const watts = figure(totals.counter_j / interval_s, 2, source.estimate?.digits);
    const counted = `${watts} W, ${self.switches} switches in ${interval_s.toFixed(2)} s`;
    const detail = `works with ${source.name} (${source.kind}): ${counted}`;
    return {
      finding: { name, ok: true, detail },
      counter: await counter(meter),
      blindTo: meter.blindTo,
      hidden: lines.flatMap((text) => /^event=hidden (cpu=\d+)/.exec(text)?.[1] ?? []),
    };
  } catch (error) {
    if (!(error instanceof EnergyError) || error.exitCode !== EXIT_UNABLE) throw error;
    return { finding: { name, ok: false, detail: error.message } };
  }
}
