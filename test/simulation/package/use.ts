// SPDX-License-Identifier: Apache-2.0
import type { PackageHardware } from './hardware.ts';
import type { Task } from './tasks.ts';

/** How a task runs for a while. */
export interface Running {
  readonly ns: number;
  /** Frequency, as a part of the nominal one, and voltage. */
  readonly speed: number;
  readonly voltage: number;
  /** How fast it runs beside the other thread of its core, as a part of what it does alone. */
  readonly pace: number;
  /** Which part of what the core needs anyway is its. */
  readonly part: number;
}

/** What a task uses in its ms: leakage and clock of its core, its instructions, and the uncore for its misses. */
export function use(
  hardware: PackageHardware,
  task: Task,
  { ns, speed, voltage, pace, part }: Running,
): { readonly energyNj: number; readonly misses: number } {
  const frequency = hardware.cyclesPerNs * speed;
  const cycles = frequency * ns;
  const stalled = task.missesPerInstruction * hardware.missNs * frequency;
  const instructions = (cycles / (task.cyclesPerInstruction + stalled)) * pace;
  const misses = task.missesPerInstruction * instructions;
  const energyNj =
    part * (hardware.leakageW * voltage * ns + hardware.cycleNj * cycles * voltage ** 2) +
    task.instructionNj * instructions * voltage ** 2 +
    hardware.missNj * misses;
  return { energyNj, misses };
}
