// SPDX-License-Identifier: Apache-2.0
import { BY, type By } from '../shared/items.ts';
import type { Span } from '../shared/shown.ts';

export const SORTS = ['watts', 'name', 'cpu', 'joules', 'where', 'pid'] as const;
export type Sort = (typeof SORTS)[number];

/** Times that the chart can show, s. */
export const WINDOWS = [60, 300, 900] as const;

/** What somebody has chosen to look at. */
export interface View {
  readonly window: number;
  readonly by: By;
  readonly find: string;
  /** Key of a level: only what is below it is shown. */
  readonly zoom: string | undefined;
  readonly span: Span | undefined;
  readonly sort: Sort;
  readonly isAscending: boolean;
}

const START: View = {
  window: 900,
  by: 'process',
  find: '',
  zoom: undefined,
  span: undefined,
  sort: 'watts',
  isAscending: false,
};

/** The view that an address names; what it does not name, or names wrongly, is as at the start. */
export function fromAddress(hash: string): View {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const span = /^(\d{1,15})-(\d{1,15})$/.exec(given.get('span') ?? '');
  const sort = given.get('sort') ?? '';
  return {
    window: oneOf(WINDOWS, Number(given.get('window'))) ?? START.window,
    by: oneOf(BY, given.get('by')) ?? START.by,
    find: given.get('find') ?? '',
    zoom: given.get('zoom') ?? undefined,
    span: span ? { from: Number(span[1]), to: Number(span[2]) } : undefined,
    sort: oneOf(SORTS, sort.replace(/^-/, '')) ?? START.sort,
    isAscending: oneOf(SORTS, sort) !== undefined,
  };
}

/** What is not as at the start, as the part of an address behind `#`. */
export function toAddress(view: View): string {
  const said = new URLSearchParams();
  if (view.window !== START.window) said.set('window', String(view.window));
  if (view.by !== START.by) said.set('by', view.by);
  if (view.find !== '') said.set('find', view.find);
  if (view.zoom !== undefined) said.set('zoom', view.zoom);
  if (view.span) said.set('span', `${Math.round(view.span.from)}-${Math.round(view.span.to)}`);
  if (view.sort !== START.sort || view.isAscending)
    said.set('sort', `${view.isAscending ? '' : '-'}${view.sort}`);
  return said.toString();
}

function oneOf<Value>(values: readonly Value[], given: unknown): Value | undefined {
  return values.find((value) => value === given);
}
