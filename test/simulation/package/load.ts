// SPDX-License-Identifier: Apache-2.0
import type { Random } from '../random.ts';
import type { TaskTable } from './tasks.ts';

/** What a CPU does next: runs a task (0: none) for a time. */
export interface Turn {
  readonly task: number;
  readonly ns: number;
}

/**
 * Who runs where and for how long. A CPU asks when its last turn has ended; of different CPUs, those of one core come
 * after those of another, up to an update of the counter, so that `nowNs` may go back by a ms between two questions.
 */
export type Load = (cpu: number, nowNs: number) => Turn;

/** What a load is made of. */
export interface LoadContext {
  readonly cpus: number;
  readonly tasks: TaskTable;
  readonly random: Random;
}

export type LoadMaker = (context: LoadContext) => Load;
