// SPDX-License-Identifier: Apache-2.0
export { EnergyError } from './errors.ts';
export type { KubeletOptions } from './identity/kubelet.ts';
export type { ContainerNames } from './identity/names.ts';
export type { LedgerLimits } from './ledger.ts';
export { openMeter, type Meter, type MeterOptions } from './meter.ts';
export { EnergyMetricProducer } from './otel/energy-producer.ts';
export { energyInstrumentation, type EnergyInstrumentation } from './otel/instrumentation.ts';
export type { RecorderOptions } from './recorder.ts';
export type {
  CgroupUsage,
  CoreUsage,
  DomainUsage,
  ProcessUsage,
  SelfUsage,
  Snapshot,
  ZoneUsage,
} from './snapshot.ts';
export type { EnergySource, Selection, SourceKind, SourceScope } from './sources/source.ts';
