// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';

/** One instruction of a BPF program, as llvm-objdump writes it. */
export interface Instruction {
  readonly text: string;
  /** Slots of the instructions that may follow. */
  readonly next: readonly number[];
}

/** The instructions of a program, by their slot in it: 8 bytes each, of which some take two. */
export type Program = ReadonlyMap<number, Instruction>;

/** Disassembles a program of an object file. */
export function disassemble(object: string, name: string): Program {
  const listing = execFileSync('llvm-objdump', ['-d', '--no-show-raw-insn', object], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  // Labels within a program begin with LBB.
  const parts = listing.split(/^[0-9a-f]+ <(?!LBB)/m);
  const body = parts.find((part) => part.startsWith(`${name}>:`)) ?? '';
  const found = [...body.matchAll(/^ *(\d+):\t(.+)$/gm)].map(
    ([, slot, text]) => [Number(slot), text!.trim()] as const,
  );
  if (found.length === 0) throw new Error(`no program ${name} in ${object}`);
  // Slots are counted from the begin of the section.
  const texts = found.map(([slot, text]) => [slot - found[0]![0], text] as const);
  return new Map(
    texts.map(([slot, text], i) => {
      const jump = /goto ([+-]?(?:0x)?[0-9a-f]+)/.exec(text);
      const next = jump ? [slot + 1 + Number(jump[1])] : [];
      const ends = text === 'exit' || text.startsWith('goto ');
      if (!ends) next.push(texts[i + 1]![0]);
      return [slot, { text, next }];
    }),
  );
}

/** All instructions on the ways from some slots on, these not included; a way ends at `stop`, which is included. */
export function reach(program: Program, from: readonly number[], stop: ReadonlySet<number>): Set<number> {
  const seen = new Set<number>();
  const todo = from.flatMap((slot) => program.get(slot)!.next);
  for (let slot = todo.pop(); slot !== undefined; slot = todo.pop()) {
    if (seen.has(slot)) continue;
    seen.add(slot);
    if (!stop.has(slot)) todo.push(...program.get(slot)!.next);
  }
  return seen;
}

/** What an instruction stores, unless on the stack; undefined: it stores nothing elsewhere. */
export function storeOf(program: Program, slot: number): Store | undefined {
  const store = /^\*\((u\d+) \*\)\((r\d+) ([+-]) (\w+)\) = (\S+)$/.exec(program.get(slot)!.text);
  if (!store || store[2] === 'r10') return undefined;
  const offset = Number(store[4]) * (store[3] === '-' ? -1 : 1);
  return { size: store[1]!, offset, value: constantOf(program, slot, store[5]!) };
}

export interface Store {
  /** u8, u16, u32 or u64. */
  readonly size: string;
  readonly offset: number;
  /** NaN: not known. */
  readonly value: number;
}

/** What a register was last set to before `slot` in a straight line, or what a number is. */
function constantOf(program: Program, slot: number, operand: string): number {
  if (!operand.startsWith('r') && !operand.startsWith('w')) return Number(operand);
  const set = new RegExp(`^[rw]${operand.slice(1)} (.?=) (.*)$`);
  for (let at = slot - 1; at >= 0; at--) {
    const found = set.exec(program.get(at)?.text ?? '');
    if (found) return found[1] === '=' ? Number(found[2]) : NaN;
  }
  return NaN;
}

/** Byte offset of a member of a struct, as the object's BTF says it. */
export function offsetOf(object: string, struct: string, member: string): number {
  const path = [process.env['PATH'], '/usr/sbin', '/sbin'].join(':');
  const btf = JSON.parse(
    execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', object], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, PATH: path },
    }),
  ) as { types: { kind: string; name: string; members?: { name: string; bits_offset: number }[] }[] };
  const type = btf.types.find(({ kind, name }) => kind === 'STRUCT' && name === struct);
  const found = type?.members?.find(({ name }) => name === member);
  if (!found) throw new Error(`no member ${member} of struct ${struct} in ${object}`);
  return found.bits_offset / 8;
}
