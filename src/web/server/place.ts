// SPDX-License-Identifier: Apache-2.0
import type { CgroupUsage } from '../../model/snapshot.ts';
import { printable } from '../../util/printable.ts';
import type { GroupName, Level } from '../shared/wire.ts';

/** What is known of a cgroup beyond its path. */
export type Place = Partial<
  Pick<CgroupUsage, 'container_id' | 'container_runtime' | 'pod_uid' | 'unit' | 'names'>
>;

/** What keys of pods begin with: the same pod may be in several cgroups. */
const POD = 'pod ';
/** Steps on the way to a cgroup: deeper ones are in the last. */
const LEVELS = 8;
/** Characters of an id that tell things on one machine apart. */
const SHORT = 12;

/** Where a cgroup is, in words: `/kubepods/burstable/podUID/ID` is kubernetes, a namespace, a pod, a container. */
export function placeOf(path: string, place: Place = {}): GroupName {
  const container = place.container_id ?? null;
  // (other), (unknown) and (removed) are no paths.
  if (path === '/' || !path.startsWith('/')) {
    const label = path === '/' ? 'kernel and root' : path;
    return { path, levels: [{ key: path, label }], owner: 0, title: label, container };
  }
  const steps = path.split('/').filter(Boolean).map(stepsOf(path));
  const levels = container === null ? steps.slice(0, LEVELS) : containerLevels(steps, container, place);
  const unit = levels.findIndex(({ key }) => key.endsWith(`/${place.unit}`));
  const owner = container === null && unit >= 0 ? unit : levels.length - 1;
  const { label } = levels[owner]!;
  const pod = container !== null && levels[owner - 1]?.key.startsWith(POD) ? levels[owner - 1] : undefined;
  return { path, levels, owner, title: pod ? `${pod.label}/${label}` : label, container };
}

function stepsOf(path: string): (name: string) => Level {
  let at = 0;
  return (name) => {
    at = path.indexOf(`/${name}`, at) + name.length + 1;
    return { key: path.slice(0, at), label: readable(name) };
  };
}

/** Cgroups within a container are its own affair. */
function containerLevels(steps: readonly Level[], id: string, place: Place): Level[] {
  const at = steps.findIndex(({ key }) => key.slice(key.lastIndexOf('/')).includes(id));
  const { key } = steps[at] ?? steps.at(-1)!;
  const { name, k8sContainer, k8sPod, k8sNamespace } = place.names ?? {};
  const own = { key, label: printable(k8sContainer ?? name ?? id.slice(0, SHORT)) };
  const podStep = steps.find((step) => /(^|-)pod[\da-f]/i.test(step.label));
  if (!podStep && (place.pod_uid ?? null) === null) {
    const [outer] = steps;
    const runtime = place.container_runtime ?? outer!.label;
    return outer!.key === key ? [own] : [{ key: outer!.key, label: runtime }, own];
  }
  const pod = place.pod_uid ?? podStep!.label.replace(/^.*pod/i, '').replaceAll('_', '-');
  return [
    { key: '/kubernetes', label: 'kubernetes' },
    ...(k8sNamespace === undefined
      ? []
      : [{ key: `/kubernetes/${k8sNamespace}`, label: printable(k8sNamespace) }]),
    { key: `${POD}${pod}`, label: printable(k8sPod ?? `pod ${pod.slice(0, 8)}`) },
    own,
  ];
}

/** systemd writes `-` as `\x2d`; of long hexadecimal ids the beginning is enough. */
function readable(name: string): string {
  const plain = name.replaceAll(/\\x([0-7][\da-f])/g, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  );
  return printable(plain.replaceAll(/[\da-f]{32,}/g, (id) => id.slice(0, SHORT)));
}
