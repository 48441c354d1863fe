// SPDX-License-Identifier: Apache-2.0

/** A CPU's own files; `siblings` is undefined where it has none. Numbers are as the kernel writes them. */
export interface Topology {
  readonly cpu: number;
  readonly package: string;
  readonly die: string;
  readonly cluster: string;
  readonly core: string;
  /** All threads of its core, itself included. */
  readonly siblings: string | undefined;
}

/**
 * From the shortest form of an id to the longest. The kernel numbers cores by package (x86 since Linux 6.9), by die or
 * module (before), or by cluster (Arm without ACPI), and does not say which of them it does.
 */
const FORMS: readonly ((core: Topology) => string)[] = [
  (core) => `${core.package}:${core.core}`,
  (core) => `${core.package}:${core.die}:${core.core}`,
  (core) => `${core.package}:${core.die}:${core.cluster}:${core.core}`,
  // Nothing in sysfs tells them apart.
  (core) => `${core.package}:${core.core}:cpu${core.cpu}`,
];

/**
 * Gives cores their ids, which they keep however many of their CPUs, or of the others, go and come: a CPU that is
 * offline has no topology, so that which numbers repeat cannot be seen then.
 */
export class CoreIds {
  /** Every core seen so far, as the first of its CPUs that was seen. */
  readonly #cores: Topology[] = [];
  /** By CPU. */
  readonly #ids = new Map<number, { readonly id: string; readonly location: string }>();

  /** The ids of cores that are given as their online CPUs. */
  of(cores: readonly (readonly Topology[])[]): string[] {
    const unnamed = cores.filter((cpus) => this.#find(cpus) === undefined).map(([first]) => first!);
    for (const name of new Set(unnamed.map((core) => core.package)))
      this.#name(unnamed.filter((core) => core.package === name));
    return cores.map((cpus) => {
      const id = this.#find(cpus)!;
      for (const one of cpus) this.#ids.set(one.cpu, { id, location: locationOf(one) });
      return id;
    });
  }

  /** A CPU tells its core's id, if it still is where it was: virtual machines may be rebuilt while they run. */
  #find(cpus: readonly Topology[]): string | undefined {
    for (const one of cpus) {
      const known = this.#ids.get(one.cpu);
      if (known?.location === locationOf(one)) return known.id;
    }
    return undefined;
  }

  /** Names cores of one package, in the shortest form that tells apart all it is known to have. */
  #name(cores: readonly Topology[]): void {
    const inPackage = this.#cores.filter((core) => core.package === cores[0]!.package);
    const all = [...inPackage, ...cores];
    const form = FORMS.find((one) => new Set(all.map(one)).size === all.length) ?? FORMS.at(-1)!;
    for (const core of cores) this.#ids.set(core.cpu, { id: form(core), location: locationOf(core) });
    this.#cores.push(...cores);
  }
}

function locationOf({ package: name, die, cluster, core }: Topology): string {
  return [name, die, cluster, core].join();
}
