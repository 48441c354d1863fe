// SPDX-License-Identifier: Apache-2.0
import { mark, percent, watts } from '../shared/format.ts';
import { type Box, layOut, trailTo, type TreeNode, treeOf } from '../shared/tree.ts';
import { button, byId, element, keepReachable, setAttribute, setClass, setText, Size } from './dom.ts';
import { type Scene, slotClass } from './scene.ts';

const ROW_PX = 30;
const GAP_PX = 1;
/** Narrower boxes are put together; narrower ones than these have no name, no figure. */
const LEAST_PX = 6;
const CHARACTER_PX = 8.4;
const PADDING_PX = 14;
/** Narrower ones have no margins within: those alone would be wider. */
const NARROW_PX = 22;
/** As much of a name as says something. */
const NAME_PX = 76;
const FIGURE_PX = 72;
const DEPTH = 5;

/** Boxes of who is in whom, as wide as what they spend. */
export class Icicle {
  readonly #host = byId('icicle');
  readonly #pool: { readonly node: HTMLButtonElement; box: Box | undefined }[] = [];
  readonly #size = new Size(this.#host, () => this.#scene && this.draw(this.#scene));
  #scene: Scene | undefined;

  constructor() {
    this.#host.addEventListener('keydown', (event) => this.#move(event));
    this.#host.addEventListener('focusin', () => keepReachable(this.#host));
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { shown, store, hello, view } = scene;
    if (!shown || !hello) {
      for (const { node } of this.#pool) node.hidden = true;
      return;
    }
    const trail = trailTo(treeOf(store.dictionary, shown, hello.host), view.zoom);
    const { width } = this.#size;
    const inner = layOut(trail.at(-1)!, { least: LEAST_PX / width, depth: DEPTH });
    // What it is in is above it, and leads back.
    const outer = trail.slice(0, -1).map((node, depth) => ({ node, depth, x: 0, width: 1 }));
    const boxes = [...outer, ...inner.map((box) => ({ ...box, depth: box.depth + outer.length }))];
    const rows = Math.max(...boxes.map(({ depth }) => depth)) + 1;
    this.#host.style.height = `${rows * ROW_PX}px`;
    while (this.#pool.length < boxes.length) this.#pool.push(this.#make());
    this.#pool.forEach((one, i) => this.#place(one, boxes[i], width, scene));
    keepReachable(this.#host);
  }

  #make(): { readonly node: HTMLButtonElement; box: Box | undefined } {
    const node = button('box', '', () => one.box && this.#choose(one.box));
    node.append(element('b'), element('i'));
    this.#host.append(node);
    const one: { readonly node: HTMLButtonElement; box: Box | undefined } = { node, box: undefined };
    return one;
  }

  #place(
    one: { readonly node: HTMLButtonElement; box: Box | undefined },
    box: Box | undefined,
    width: number,
    scene: Scene,
  ): void {
    const { node } = one;
    one.box = box;
    node.hidden = box === undefined;
    if (!box) return;
    const { node: part, depth } = box;
    const wide = box.width * width;
    setClass(
      node,
      `box ${part.kind} ${slotClass(scene.slots, part.owner)}${wide < NARROW_PX ? ' narrow' : ''}`,
    );
    node.style.transform = `translate(${(box.x * width).toFixed(1)}px,${depth * ROW_PX}px)`;
    node.style.width = `${Math.max(1, wide - GAP_PX).toFixed(1)}px`;
    const name = part.kind === 'program' && part.count > 1 ? `${part.label} ×${part.count}` : part.label;
    const figure = `${mark(scene.hello?.source.kind)}${watts(part.energy, scene.shown!.ms)}`;
    const room = wide - PADDING_PX;
    const named = Math.min(name.length * CHARACTER_PX, NAME_PX);
    setText(node.firstChild!, room >= named ? name : '');
    setText(node.lastChild!, room >= named + FIGURE_PX ? figure : '');
    const share = percent(part.energy / scene.shown!.total);
    setAttribute(node, 'title', `${name}\n${figure}, ${share} of the machine`);
    setAttribute(node, 'aria-label', `${name} ${figure}, ${share} of the machine`);
  }

  #choose({ node }: Box): void {
    const { view, change } = this.#scene!;
    if (node.kind === 'machine') change({ zoom: undefined });
    else if (node.kind === 'program') change({ ...zoomTo(node), find: node.label, by: 'process' });
    else if (node.kind === 'group')
      change({ zoom: keyOf(node) === view.zoom ? undefined : keyOf(node), by: 'process' });
  }

  #move(event: KeyboardEvent): void {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const here = this.#pool.find(({ node }) => node === event.target)?.box;
    if (!step || !here) return;
    event.preventDefault();
    const [aside, down] = step as [number, number];
    const middle = ({ x, width }: Box): number => x + width / 2;
    const away = (box: Box): number => Math.abs(middle(box) - middle(here));
    const [next] = this.#pool
      .filter((one): one is { node: HTMLButtonElement; box: Box } => one.box !== undefined)
      .filter(({ box }) => box.depth === here.depth + down)
      .filter(({ box }) => down !== 0 || (box.x - here.x) * aside > 0)
      .toSorted((one, other) => away(one.box) - away(other.box));
    next?.node.focus();
  }
}

/** A box of several levels is the innermost. */
function keyOf({ key }: TreeNode): string {
  return key.split('\n').at(-1)!;
}

/** The container that a program is in, if it is in one that can be looked into. */
function zoomTo({ owner }: TreeNode): { readonly zoom?: string } {
  return owner === undefined ? {} : { zoom: owner };
}
