// SPDX-License-Identifier: Apache-2.0
import { clock, duration } from '../shared/format.ts';
import { trailTo, treeOf } from '../shared/tree.ts';
import { button, byId, element } from './dom.ts';
import type { Scene } from './scene.ts';
import type { View } from './view.ts';

/** What limits the figures to less than all of now, each with a way out. */
export class Limits {
  readonly #host = byId('limits');
  #drawn = '';

  draw({ view, shown, store, hello, change }: Scene): void {
    const limits: { readonly text: string; readonly out: Partial<View>; readonly hint: string }[] = [];
    if (view.span) {
      const text = shown
        ? `${clock(shown.from)} to ${clock(shown.to)} · ${duration(shown.to - shown.from)}`
        : `${clock(view.span.from)} to ${clock(view.span.to)} is not known here: the history is of 15 minutes`;
      limits.push({ text, out: { span: undefined }, hint: 'Back to now' });
    }
    if (view.zoom !== undefined) {
      const trail =
        shown && hello ? trailTo(treeOf(store.dictionary, shown, hello.host), view.zoom).slice(1) : [];
      const text = trail.length > 0 ? trail.map(({ label }) => label).join(' › ') : lastOf(view.zoom);
      limits.push({ text: `in ${text}`, out: { zoom: undefined }, hint: 'Back to the whole machine' });
    }
    if (view.find !== '') limits.push({ text: `“${view.find}”`, out: { find: '' }, hint: 'All rows' });
    const drawn = limits.map(({ text }) => text).join('\n');
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#host.hidden = limits.length === 0;
    this.#host.replaceChildren(
      ...limits.map(({ text, out, hint }) => {
        const node = button('limit', '', () => change(out));
        node.append(element('span', { text }), element('i', { text: `✕ ${hint}` }));
        return node;
      }),
    );
  }
}

function lastOf(key: string): string {
  return key.split('/').at(-1)!;
}
