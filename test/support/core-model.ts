// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createRandom } from '../simulation/random.ts';

const ROOT = join(__dirname, '../..');
const MS = 1e6;
const LOOK_MS = 8;

/** What BPF's entries say of the processes asked for, and what else was to be seen. */
export interface Shown {
  readonly watts: readonly number[];
  /** Relative standard deviations. */
  readonly errors: readonly number[];
  /** How many entries were written, since it began. */
  readonly written: number;
  readonly burst: number;
  readonly cut: number;
  readonly lost: number;
}

/** Two processes that take turns on the only busy thread of a core. */
export interface Pair {
  readonly tgids: readonly [number, number];
  readonly watts: readonly [number, number];
  /** By which factor all that a core draws changes every 10 ms, at random, up or down. */
  readonly level?: number;
  /** Records are lost before each look. */
  readonly lost?: boolean;
}

export function buildCoreModel(directory: string): string {
  const program = join(directory, 'core_model');
  const parts = [
    'core_model',
    'power_correction',
    'windows',
    'package_model',
    'package_prices',
    'actor_states',
    'kalman',
  ].map((part) => `native/${part}.cc`);
  const args = ['-std=c++17', '-O2', '-Wno-missing-field-initializers', '-Inative', '-isystem', 'bpf'];
  execFileSync('g++', [...args, 'test/native/core_model.cc', ...parts, '-o', program], { cwd: ROOT });
  return program;
}

/** Writes what happens on some cores as the lines that the driver of the model reads. */
export class CoreStory {
  readonly lines: string[];
  #nowNs = 1e9;
  readonly #counts: number[];
  readonly #random = createRandom(1);

  constructor({ cores = 1, mostCores = 32 } = {}) {
    this.lines = [`model ${mostCores}${' 1'.repeat(cores)}`];
    this.#counts = Array.from({ length: cores }, () => 0);
  }

  /** BPF has an entry where that of `tgid` belongs, of `owner`, which runs an executable of that class. */
  entry(tgid: number, watts: number, owner = tgid, commClass = 7): this {
    this.lines.push(`entry ${tgid} ${owner} ${watts} ${commClass}`);
    return this;
  }

  /** Switches are logged from now on; before, nothing is known. */
  burst(): this {
    this.lines.push(`burst ${this.#nowNs}`);
    return this;
  }

  /** For so long each core runs a pair, in turns of 20 us. `each`: before every look into the logs. */
  run(seconds: number, pairs: readonly Pair[], each?: (look: number) => void): this {
    const looks = Math.round((seconds * 1000) / LOOK_MS);
    for (let look = 0; look < looks; look++) {
      each?.(look);
      for (const [core, pair] of pairs.entries()) this.#log(core, pair);
      this.#nowNs += LOOK_MS * MS;
      this.lines.push(`learn ${this.#nowNs}`);
    }
    return this;
  }

  #log(core: number, { tgids, watts, level = 1, lost = false }: Pair): void {
    const records: string[] = [];
    const end = this.#nowNs + LOOK_MS * MS;
    let now = this.#nowNs;
    let update = now + MS;
    let power = 1;
    let joules = 0;
    for (let turn = 0; now < end; turn++) {
      const until = Math.min(end, now + 20e3 * (1 + 0.3 * this.#random.normal()));
      for (; update <= until; update += MS) {
        joules += (watts[turn % 2]! * power * (update - now)) / 1e9;
        now = update;
        this.#counts[core]! += Math.round(joules * 1e9);
        joules = 0;
        this.lines.push(`update ${core} ${Math.round(update)} 5000 ${this.#counts[core]}`);
        if (Math.round(update / MS) % 10 === 0) power = level ** (2 * this.#random.uniform() - 1);
      }
      joules += (watts[turn % 2]! * power * (until - now)) / 1e9;
      now = until;
      records.push(`${Math.round(now)} ${tgids[turn % 2]} ${tgids[(turn + 1) % 2]}`);
    }
    this.lines.push(`records ${core} 0 ${Number(lost)} ${records.length} ${records.join(' ')}`);
  }

  show(...tgids: readonly number[]): this {
    this.lines.push(`show ${tgids.join(' ')}`);
    return this;
  }

  /** What was shown, each time. */
  tell(program: string): Shown[] {
    const input = `${this.lines.join('\n')}\n`;
    const output = execFileSync(program, { input, encoding: 'utf8', maxBuffer: 2 ** 26 });
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Shown);
  }
}
