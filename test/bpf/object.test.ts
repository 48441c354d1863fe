// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { disassemble, offsetOf, reach, storeOf } from './disassembly.ts';

const OBJECT = join(__dirname, '../../build/Release/obj/gen/bpf/energy.bpf.o');

describe('the built BPF object', () => {
  // It runs with interrupts on. Ticks write the same account, unless `exclusive` is set.
  it('lets no tick come between what visit_cpu writes, whatever the compiler has moved', () => {
    const program = disassemble(OBJECT, 'visit_cpu');
    const offset = offsetOf(OBJECT, 'energy_cpu', 'exclusive');
    const marks = (value: number): number[] =>
      [...program.keys()].filter((slot) => {
        const store = storeOf(program, slot);
        return store?.size === 'u32' && store.offset === offset && store.value === value;
      });
    const [set, clear] = [marks(1), marks(0)];
    expect([set.length > 0, clear.length > 0]).toEqual([true, true]);

    const before = reach(program, [0], new Set(set));
    const after = reach(program, clear, new Set());
    const working = (slots: Set<number>): string[] =>
      [...slots]
        .filter((slot) => !set.includes(slot))
        // Stores, and calls of functions of ours (helpers have numbers).
        .filter((slot) => storeOf(program, slot) ?? program.get(slot)!.text === 'call -1')
        .map((slot) => `${slot}: ${program.get(slot)!.text}`);
    expect({ before: working(before), after: working(after) }).toEqual({ before: [], after: [] });
  });
});
