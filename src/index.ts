// SPDX-License-Identifier: Apache-2.0
export { EnergyError } from './model/errors.ts';
export type { KubeletOptions } from './identity/kubelet.ts';
export type { ContainerNames } from './model/container.ts';
export { openMeter, type Meter } from './meter.ts';
export { EnergyMetricProducer } from './otel/energy-producer.ts';
export { energyInstrumentation, type EnergyInstrumentation } from './otel/instrumentation.ts';
export { requestEnergy, type RequestEnergy, type RequestEnergyOptions } from './requests/request-energy.ts';
export type { LedgerLimits, MeterOptions, RecorderOptions, Scope } from './settings/types.ts';
export type {
  CgroupUsage,
  CoreUsage,
  DomainUsage,
  ProcessUsage,
  SelfUsage,
  Snapshot,
  ZoneUsage,
} from './model/snapshot.ts';
export type { EnergySource, Selection, SourceKind, SourceScope } from './model/source.ts';
