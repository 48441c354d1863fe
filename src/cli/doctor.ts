// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import { effectiveCapabilities } from '../host/capabilities.ts';
import { isVirtualMachine } from '../host/cpuinfo.ts';
import { findHierarchy } from '../host/hierarchy.ts';
import { inUserNamespace, LEAVE_USER_NAMESPACE } from '../host/user-namespace.ts';
import { sourceRequest } from '../meter.ts';
import { describeWatts } from '../sources/estimated.ts';
import { selectSource } from '../sources/select.ts';
import type { Counter, EnergySource, Selection } from '../model/source.ts';
import { wrapped } from '../util/wrapped.ts';
import { checkMeterOptions } from '../settings/library.ts';
import { parseOptions } from '../settings/options.ts';
import { type Finding, findingLines } from './finding.ts';
import { outlook, rejections } from './outlook.ts';
import { jsonLine, printable } from './print.ts';
import { privileges } from './privileges.ts';
import { splitPlan } from './split-text.ts';
import { type Trial, tryMeasuring } from './trial.ts';
import { waitingFor } from './waiting.ts';

/** `joules doctor`: what this kernel, hardware and user can do. Exit status 0 if measuring is possible, else 3. */
export async function doctor(args: readonly string[]): Promise<number> {
  const { meter: options, own } = parseOptions('doctor', args);
  const checked = checkMeterOptions(options);
  const { root } = checked;
  const request = sourceRequest(checked);
  const { sys, proc } = request;
  const selection = selected(() => selectSource(request));
  const isVirtual = isVirtualMachine(proc);
  const findings: Finding[] = [
    { name: 'kernel', ok: null, detail: release() },
    btf(sys),
    ...privileges(effectiveCapabilities()),
    ...(inUserNamespace() ? [{ name: 'user namespace', ok: false, detail: LEAVE_USER_NAMESPACE }] : []),
    cgroups(proc, root),
  ];
  // It gives privileges up, of which there are none to tell after that.
  const trial = await waitingFor('measuring for a moment', () => tryMeasuring(options));
  if (selection instanceof EnergyError)
    findings.push({ name: checked.source, ok: false, detail: selection.message });
  else findings.push(...rejections(selection, isVirtual), ...sources(selection, trial.unreadable));
  if (trial.blindTo) findings.push({ name: 'pid namespace', ok: false, detail: trial.blindTo });
  if (trial.hidden?.length) findings.push({ name: 'CPUs', ok: false, detail: hiddenDetail(trial.hidden) });
  if (trial.counter) findings.push(trial.counter);
  if (trial.learning) findings.push(...trial.learning);
  if (trial.kept) findings.push(trial.kept);
  findings.push(trial.finding);
  const found = selection instanceof EnergyError ? undefined : selection;
  const failure = trial.finding.ok ? undefined : trial.finding.detail;
  const end = outlook({ failure, selection: found, isVirtual, findings });
  if (own.json)
    process.stdout.write(jsonLine({ source: found?.source.name ?? null, findings, outlook: end }));
  else {
    // In a file a finding is a line.
    const width = process.stdout.isTTY ? process.stdout.columns || 80 : Infinity;
    const lines = [...findingLines(findings, width), '', ...wrapped(printable(end), width)];
    process.stdout.write(`${lines.join('\n')}\n`);
  }
  return trial.finding.ok ? 0 : EXIT_UNABLE;
}

function hiddenDetail(lists: readonly string[]): string {
  return `sysfs does not list ${lists.join(',')}, as lxcfs hides them: their energy is a gap; mount the host's /sys and give --root`;
}

/** The source that would be measured, or why there is none. */
function selected(select: () => Selection): Selection | EnergyError {
  try {
    return select();
  } catch (error) {
    if (error instanceof EnergyError && error.exitCode === EXIT_UNABLE) return error;
    throw error;
  }
}

function btf(sys: string): Finding {
  const path = join(sys, 'kernel/btf/vmlinux');
  return existsSync(path)
    ? { name: 'BTF', ok: true, detail: path }
    : { name: 'BTF', ok: false, detail: `${path} is missing: use a kernel built with CONFIG_DEBUG_INFO_BTF` };
}

function cgroups(proc: string, root: string): Finding {
  const { version, controller, mount } = findHierarchy(proc, root);
  if (mount === null) {
    const detail =
      'none are mounted, so they have no names: mount them (mount -t cgroup2 none /sys/fs/cgroup)';
    return { name: 'cgroups', ok: false, detail };
  }
  const hierarchy = controller === null ? 'v2' : `v${version}, controller ${controller}`;
  return { name: 'cgroups', ok: null, detail: `${hierarchy}, at ${mount}` };
}

function sources({ source }: Selection, unreadable: Trial['unreadable']): Finding[] {
  const kind = source.kind === source.name ? [] : [source.kind];
  const parts = [...kind, `scope ${source.scope}`, `${whatCounts(source)}${splitPlan(source)}`];
  return [
    { name: source.name, ok: true, detail: parts.join(', ') },
    ...source.auxiliary.map((one) => beside(one, unreadable?.get(one.id))),
  ];
}

function beside({ id, location: { via } }: Counter, why: string | undefined): Finding {
  if (why !== undefined) return { name: id, ok: false, detail: `beside it, but it cannot be read: ${why}` };
  const how = via === 'power' ? 'power integrated over time (estimated)' : via;
  return { name: id, ok: true, detail: `beside it, by ${how}` };
}

/** So many counters are named. */
const FEW = 4;

function whatCounts(source: EnergySource): string {
  const { length } = source.zones;
  if (source.reader === 'none') return `no counter: ${length} CPU(s) by ${describeWatts(source.watts)}`;
  const names = length > FEW ? '' : `: ${source.zones.map(({ id }) => id).join(', ')}`;
  return `${length} counter(s)${names}`;
}
