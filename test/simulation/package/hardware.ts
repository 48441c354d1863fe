// SPDX-License-Identifier: Apache-2.0
import { MS, US } from '../workload.ts';

/** A package, and how a meter sees it. Powers in W, which are nJ per ns. */
export interface PackageHardware {
  /** Frequency at which powers are nominal, cycles per ns. */
  readonly cyclesPerNs: number;
  /** A core that runs: its leakage at a voltage of 1, and what each cycle costs there. */
  readonly leakageW: number;
  readonly cycleNj: number;
  /** A miss costs energy in the uncore, and time. */
  readonly missNj: number;
  readonly missNs: number;
  /** An idle core, first in the shallow state, from `sleepAfterNs` on in the deep one; what leaving that costs. */
  readonly shallowW: number;
  readonly deepW: number;
  readonly sleepAfterNs: number;
  readonly wakeNj: number;
  /** Static power of the uncore, halved while all cores idle: of a package, and with each core. */
  readonly uncoreW: number;
  readonly uncorePerCoreW: number;
  /** What the uncore draws more where memory traffic has sped it up, per core. */
  readonly trafficPerCoreW: number;
  /** Slow noise of the uncore, as a part of the package's power. */
  readonly uncoreNoise: number;
  /** How much slower cores run when all are active than when none is, as a part of the nominal frequency. */
  readonly turbo: number;
  /** Standard deviation of an instruction's energy: from one ms to the next, by executable, and by process. */
  readonly noise: number;
  readonly executableSpread: number;
  readonly processSpread: number;
  /** Standard deviation of cores' powers, as a part. */
  readonly coreSpread: number;
  /** By how much the threads of a core may share it unequally, as a part. */
  readonly unequalThreads: number;
  /** Amplitude of a slow change of all cores' powers, as with temperature, as a part. */
  readonly thermal: number;
  /** Part of the tasks' energy that interrupts use, of which nobody sees anything. */
  readonly interrupts: number;
  /** The counter: J per step, the noise of an update as a part, and when it comes. */
  readonly counterJ: number;
  readonly counterNoise: number;
  readonly periodNs: number;
  readonly jitterNs: number;
  /** How late an update is seen (standard deviation), and how often it is seen 100 to 400 us late. */
  readonly lateNs: number;
  readonly outliers: number;
  /** Standard deviation of the CPUs' clocks. */
  readonly skewNs: number;
  /** How often a CPU is held up for 1.5 ms between two clocks that the meter reads. */
  readonly heldUp: number;
  readonly tickNs: number;
}

export const PACKAGE: PackageHardware = {
  cyclesPerNs: 2.5,
  leakageW: 0.4,
  cycleNj: 0.16,
  missNj: 12,
  missNs: 12,
  shallowW: 0.15,
  deepW: 0.02,
  sleepAfterNs: 100 * US,
  wakeNj: 20e3,
  uncoreW: 2,
  uncorePerCoreW: 0.25,
  trafficPerCoreW: 0.12,
  uncoreNoise: 0.01,
  turbo: 0.35,
  noise: 0.045,
  executableSpread: 0.15,
  processSpread: 0.08,
  coreSpread: 0,
  unequalThreads: 0,
  thermal: 0,
  interrupts: 0,
  counterJ: 2 ** -14,
  counterNoise: 0.003,
  periodNs: MS,
  jitterNs: 10 * US,
  lateNs: 30 * US,
  outliers: 0,
  skewNs: 3 * US,
  heldUp: 0,
  tickNs: 4 * MS,
};

type Change = (value: number) => Partial<PackageHardware>;

/** Worlds that are a little different, as `--world late=60,irq=0.06` names them. */
const CHANGES: Readonly<Record<string, Change>> = {
  late: (us) => ({ lateNs: us * US }),
  outliers: (part) => ({ outliers: part }),
  skew: (us) => ({ skewNs: us * US }),
  held: (part) => ({ heldUp: part }),
  irq: (part) => ({ interrupts: part }),
  uncore: (times) => ({
    uncoreW: PACKAGE.uncoreW * times,
    uncorePerCoreW: PACKAGE.uncorePerCoreW * times,
  }),
  'uncore-noise': (part) => ({ uncoreNoise: part }),
  cores: (spread) => ({ coreSpread: spread }),
  unequal: (part) => ({ unequalThreads: part }),
  thermal: (part) => ({ thermal: part }),
  noise: (part) => ({ noise: part }),
  'counter-noise': (part) => ({ counterNoise: part }),
  hidden: (spread) => ({ executableSpread: spread }),
  turbo: (part) => ({ turbo: part }),
  tick: (ms) => ({ tickNs: ms * MS }),
};

export const WORLDS: readonly string[] = Object.keys(CHANGES);

/** The hardware of a world, given as `late=60,irq=0.06`; undefined: it makes no sense. */
export function hardwareOf(world: string): PackageHardware | undefined {
  let hardware = PACKAGE;
  for (const part of world.split(',').filter(Boolean)) {
    const [name = '', text = ''] = part.split('=');
    const value = Number(text);
    if (!Object.hasOwn(CHANGES, name) || text === '' || !(value >= 0)) return undefined;
    hardware = { ...hardware, ...CHANGES[name]!(value) };
  }
  return hardware;
}
