// SPDX-License-Identifier: Apache-2.0

export type Kind = 'EnergyMetricProducer' | 'energyInstrumentation()';

/** Who exports energy in this process. */
const exporting = new Map<symbol, Kind>();

/** A right to export, or why there is none. */
export type Claim = { readonly release: () => void } | { readonly refusal: string };

/**
 * Producers may be several, one for each reader. An instrumentation reaches all readers of its provider: beside it a
 * producer, or another instrumentation, would export every Joule twice. Who comes second has no right to.
 */
export function claim(kind: Kind): Claim {
  const other = [...exporting.values()].find(
    (one) => one === 'energyInstrumentation()' || kind === 'energyInstrumentation()',
  );
  if (other !== undefined) {
    const refusal =
      `otel-ebpf-energy: ${kind} exports nothing, since ${other} in this process does already ` +
      'and every Joule would be there twice: use one of them';
    return { refusal };
  }
  const key = Symbol(kind);
  exporting.set(key, kind);
  return { release: () => void exporting.delete(key) };
}
