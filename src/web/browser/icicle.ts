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

/** A box on the page, and what is in it now. */
interface Place {
  readonly node: HTMLButtonElement;
  box: Box | undefined;
  title: string;
  /** Where it is, and how wide. */
  shape: string;
}

/** Boxes of who is in whom, as wide as what they spend. */
export class Icicle {
  readonly #host = byId('icicle');
  /** By what they show, so that most of a box stays as it is; those that show nothing are out of the page. */
  #places = new Map<string, Place>();
  readonly #free: Place[] = [];
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
      this.#show([], 0, scene);
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
    this.#show(boxes, width, scene);
    keepReachable(this.#host);
  }

  /** Boxes in their order, which is that of their buttons: what comes or goes moves no other. */
  #show(boxes: readonly Box[], width: number, scene: Scene): void {
    const former = this.#places;
    const keys = keysOf(boxes);
    const places = new Map<string, Place>();
    for (const key of keys) {
      const place = former.get(key);
      if (place) places.set(key, place);
      former.delete(key);
    }
    for (const place of former.values()) {
      place.node.remove();
      place.box = undefined;
      this.#free.push(place);
    }
    let next = this.#host.firstChild;
    this.#places = new Map();
    boxes.forEach((box, i) => {
      const place = places.get(keys[i]!) ?? this.#free.pop() ?? this.#make();
      this.#places.set(keys[i]!, place);
      if (place.node === next) next = next.nextSibling;
      else this.#host.insertBefore(place.node, next);
      this.#place(place, box, width, scene);
    });
  }

  #make(): Place {
    const node = button('box', '', () => one.box && this.#choose(one.box));
    node.append(element('b'), element('i'));
    // Nobody reads it but where the pointer is.
    node.addEventListener('pointerenter', () => (node.title = one.title));
    const one: Place = { node, box: undefined, title: '', shape: '' };
    return one;
  }

  #place(one: Place, box: Box, width: number, scene: Scene): void {
    const { node } = one;
    one.box = box;
    const { node: part, depth } = box;
    const wide = box.width * width;
    setClass(
      node,
      `box ${part.kind} ${slotClass(scene.slots, part.owner)}${wide < NARROW_PX ? ' narrow' : ''}`,
    );
    // Whole pixels: most boxes stay as they are from one second to the next.
    const left = Math.round(box.x * width);
    const right = Math.max(left + 1, Math.round((box.x + box.width) * width) - GAP_PX);
    const shape = `${left},${depth},${right}`;
    if (shape !== one.shape) {
      node.style.transform = `translate(${left}px,${depth * ROW_PX}px)`;
      node.style.width = `${right - left}px`;
    }
    one.shape = shape;
    const name = part.kind === 'program' && part.count > 1 ? `${part.label} ×${part.count}` : part.label;
    const figure = `${mark(scene.hello?.source.kind)}${watts(part.energy, scene.shown!.ms)}`;
    const room = wide - PADDING_PX;
    const named = Math.min(name.length * CHARACTER_PX, NAME_PX);
    setText(node.firstChild!, room >= named ? name : '');
    setText(node.lastChild!, room >= named + FIGURE_PX ? figure : '');
    const share = percent(part.energy / scene.shown!.total);
    one.title = `${name}\n${figure}, ${share} of the machine`;
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
    const all = [...this.#places.values()];
    const here = all.find(({ node }) => node === event.target)?.box;
    if (!step || !here) return;
    event.preventDefault();
    const [aside, down] = step as [number, number];
    const middle = ({ x, width }: Box): number => x + width / 2;
    const away = (box: Box): number => Math.abs(middle(box) - middle(here));
    const [next] = all
      .filter((one): one is Place & { box: Box } => one.box !== undefined)
      .filter(({ box }) => box.depth === here.depth + down)
      .filter(({ box }) => down !== 0 || (box.x - here.x) * aside > 0)
      .toSorted((one, other) => away(one.box) - away(other.box));
    next?.node.focus();
  }
}

/** What each box shows, no two alike. */
function keysOf(boxes: readonly Box[]): string[] {
  const had = new Set<string>();
  return boxes.map(({ node }) => {
    let key = `${node.kind} ${node.key}`;
    while (had.has(key)) key += ' again';
    had.add(key);
    return key;
  });
}

/** A box of several levels is the innermost. */
function keyOf({ key }: TreeNode): string {
  return key.split('\n').at(-1)!;
}

/** The container that a program is in, if it is in one that can be looked into. */
function zoomTo({ owner }: TreeNode): { readonly zoom?: string } {
  return owner === undefined ? {} : { zoom: owner };
}
