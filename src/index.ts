// SPDX-License-Identifier: Apache-2.0
export { EnergyError } from './errors.ts';
export type { KubeletOptions } from './identity/kubelet.ts';
export type { ContainerNames } from './identity/names.ts';
export { openMeter, type Meter, type MeterOptions } from './meter.ts';
export type { CgroupUsage, CoreUsage, ProcessUsage, Snapshot, ZoneUsage } from './snapshot.ts';
export type { EnergySource, Selection, SourceKind, SourceScope } from './sources/source.ts';
