// SPDX-License-Identifier: Apache-2.0
import { OTHER } from '../../model/snapshot.ts';
import type { GroupName, Names, RowName } from './wire.ts';

/** Numbers for what frames name, so that a name is told once. A number never gets another meaning. */
export class Dictionary {
  readonly rows: Map<number, RowName> = new Map();
  readonly groups: Map<number, GroupName> = new Map();
  readonly cores: Map<number, string> = new Map();
  readonly #byKey = new Map<string, number>();
  readonly #keys = new Map<number, string>();
  #last = 0;
  /** What has been named since it was last taken. */
  #news = emptyNames();

  /** The number of this row. */
  row(name: RowName): number {
    return this.#number(rowKey(name), (number) => {
      this.rows.set(number, name);
      this.#news.rows.push([number, name]);
    });
  }

  /** The number of this cgroup; what is known of it now is what it is called from now on. */
  group(name: GroupName): number {
    const tell = (number: number): void => {
      this.groups.set(number, name);
      this.#news.groups.push([number, name]);
    };
    const known = this.#byKey.get(`g ${name.path}`);
    if (known !== undefined && !isSameGroup(this.groups.get(known)!, name)) tell(known);
    return known ?? this.#number(`g ${name.path}`, tell);
  }

  core(id: string): number {
    return this.#number(`c ${id}`, (number) => {
      this.cores.set(number, id);
      this.#news.cores.push([number, id]);
    });
  }

  /** The row of all in a cgroup that have none of their own. */
  restOf(group: number): number {
    return this.row({ kind: 'rest', pid: null, created: null, program: OTHER, group, kernel: false });
  }

  groupOf(row: number): number {
    return this.rows.get(row)!.group;
  }

  /** What is new since the last call, if anything is. */
  takeNews(): Names | undefined {
    const news = this.#news;
    if (Object.values(news).every(({ length }) => length === 0)) return undefined;
    this.#news = emptyNames();
    return news;
  }

  /** Forgets rows of which nobody has been told, as if they had not been named. */
  withdraw(isUnused: (row: number) => boolean): void {
    const unused = this.#news.rows.filter(([row]) => isUnused(row));
    this.#news.rows = this.#news.rows.filter(([row]) => !isUnused(row));
    for (const [row] of unused) this.#drop(this.rows, row);
  }

  all(): Names {
    return { rows: [...this.rows], groups: [...this.groups], cores: [...this.cores], gone: [] };
  }

  /** Forgets rows that are not `used`, and cgroups that no row is left of and that are not `used` either. */
  keep(used: ReadonlySet<number>): void {
    const groups = new Set([...this.rows].filter(([number]) => used.has(number)).map(([, row]) => row.group));
    for (const number of this.rows.keys()) if (!used.has(number)) this.#forget(this.rows, number);
    for (const number of this.groups.keys())
      if (!used.has(number) && !groups.has(number)) this.#forget(this.groups, number);
  }

  #forget(names: Map<number, unknown>, number: number): void {
    this.#news.gone.push(number);
    this.#drop(names, number);
  }

  #drop(names: Map<number, unknown>, number: number): void {
    names.delete(number);
    this.#byKey.delete(this.#keys.get(number)!);
    this.#keys.delete(number);
  }

  #number(key: string, tell: (number: number) => void): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const number = ++this.#last;
    this.#byKey.set(key, number);
    this.#keys.set(number, key);
    tell(number);
    return number;
  }
}

function rowKey({ kind, pid, created, program, group }: RowName): string {
  return `${kind} ${pid} ${created} ${group} ${program}`;
}

function isSameGroup(one: GroupName, other: GroupName): boolean {
  return (
    one.title === other.title &&
    one.levels.length === other.levels.length &&
    one.levels.every(({ label }, index) => label === other.levels[index]!.label)
  );
}

interface News {
  rows: [number, RowName][];
  readonly groups: [number, GroupName][];
  readonly cores: [number, string][];
  readonly gone: number[];
}

function emptyNames(): News {
  return { rows: [], groups: [], cores: [], gone: [] };
}
