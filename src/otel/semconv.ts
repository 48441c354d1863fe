// SPDX-License-Identifier: Apache-2.0
// Names as exported. Unstable semantic conventions are copied: the incubating exports of
// @opentelemetry/semantic-conventions may change in any minor release.

/** Semantic conventions the names below are taken from. */
export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.44.0';

/** Instrumentation scope of every metric of this package. */
export const SCOPE_NAME = 'otel-ebpf-energy';
// Two levels up from src/otel and from dist/otel alike.
export const SCOPE_VERSION: string = (require('../../package.json') as { version: string }).version;

/** Energy of one hardware component. Semantic conventions, development. */
export const METRIC_HW_ENERGY = 'hw.energy';
/** All that the machine draws, which `hw.energy` must not be used for. Semantic conventions, development. */
export const METRIC_HW_HOST_ENERGY = 'hw.host.energy';
/** Energy of one process. Proposed: shaped like `process.cpu.time`, not in the conventions. */
export const METRIC_PROCESS_ENERGY = 'process.energy';
/** Energy of one container. Proposed: shaped like `container.cpu.time`, not in the conventions. */
export const METRIC_CONTAINER_ENERGY = 'container.energy';
/** Energy of the tasks directly in one cgroup. Ours. */
export const METRIC_CGROUP_ENERGY = 'cgroup.energy';
/** Energy that was counted but is no process's. Ours. */
export const METRIC_ENERGY_UNATTRIBUTED = 'energy.unattributed';
/** Energy that was counted for several who ran and split afterwards, by how that was done. Ours. */
export const METRIC_ENERGY_ATTRIBUTED = 'energy.attributed';
/** The agent about itself. Ours. */
export const METRIC_AGENT_SWITCHES = 'energy.agent.switches';
export const METRIC_AGENT_LOST = 'energy.agent.lost';
export const METRIC_AGENT_SKIPPED = 'energy.agent.skipped';
export const METRIC_AGENT_REBINDS = 'energy.agent.rebinds';
export const METRIC_AGENT_GAPS = 'energy.agent.gaps';
export const METRIC_AGENT_RESETS = 'energy.agent.resets';
export const METRIC_AGENT_WRAPS = 'energy.agent.wraps';
export const METRIC_AGENT_CPU_TIME = 'energy.agent.cpu.time';
export const METRIC_AGENT_ENERGY = 'energy.agent.energy';

/** Semantic conventions, development. */
export const ATTR_HW_ID = 'hw.id';
export const ATTR_HW_NAME = 'hw.name';
export const ATTR_HW_PARENT = 'hw.parent';
export const ATTR_HW_TYPE = 'hw.type';
export const ATTR_PROCESS_PID = 'process.pid';
export const ATTR_PROCESS_CREATION_TIME = 'process.creation.time';
export const ATTR_PROCESS_EXECUTABLE_NAME = 'process.executable.name';
/** Semantic conventions, stable. */
export const ATTR_CONTAINER_ID = 'container.id';
export const ATTR_CONTAINER_RUNTIME_NAME = 'container.runtime.name';
export const ATTR_K8S_POD_UID = 'k8s.pod.uid';
/** Ours. */
export const ATTR_CGROUP_PATH = 'cgroup.path';
/** Ours: whose a cgroup is: a job, a virtual machine, an application, a user, a unit. */
export const ATTR_ENERGY_OWNER_TYPE = 'energy.owner.type';
export const ATTR_ENERGY_OWNER_NAME = 'energy.owner.name';
export const ATTR_ENERGY_OWNER_PART = 'energy.owner.part';
/** Ours: why energy is no process's: `idle`, `gap`, `lost`, `shared`. */
export const ATTR_ENERGY_REASON = 'energy.reason';
/** Ours: how far the figure can be trusted: `measured`, `apportioned`, `estimated`. */
export const ATTR_ENERGY_SOURCE_KIND = 'energy.source.kind';
/** Ours: `server` where an estimate is of a whole server's power at the wall, not of its CPUs'. */
export const ATTR_ENERGY_SOURCE_COVERS = 'energy.source.covers';
/** Ours: how energy was split afterwards over who ran: `learned`, `time`. */
export const ATTR_ENERGY_ATTRIBUTION = 'energy.attribution';
