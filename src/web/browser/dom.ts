// SPDX-License-Identifier: Apache-2.0

/** An element of `index.html`. */
export function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: { readonly class?: string; readonly text?: string; readonly role?: string } = {},
  ...children: Node[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (properties.class !== undefined) made.className = properties.class;
  if (properties.text !== undefined) made.textContent = properties.text;
  if (properties.role !== undefined) made.setAttribute('role', properties.role);
  made.append(...children);
  return made;
}

/** A button that submits nothing. */
export function button(className: string, text: string, onClick: () => void): HTMLButtonElement {
  const made = element('button', { class: className, text });
  made.type = 'button';
  made.addEventListener('click', onClick);
  return made;
}

/**
 * What stays the same is not touched: the browser would lay it out anew. The text within is changed and not replaced: for
 * a new one the style of what it is in is computed again.
 */
export function setText(node: Node, text: string): void {
  const child = node.firstChild;
  if (child instanceof Text && !child.nextSibling) {
    if (child.data !== text) child.data = text;
  } else if (node.textContent !== text) node.textContent = text;
}

export function setClass(node: Element, name: string): void {
  if (node.className !== name) node.className = name;
}

export function setAttribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

const styles = new Map<string, string>();

/** The value of a custom property of the style: asked for once, since that makes the browser lay out all that changed. */
export function styleOf(name: string): string {
  const known = styles.get(name) ?? getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  styles.set(name, known);
  return known;
}

/** After the theme has changed. */
export function forgetStyles(): void {
  styles.clear();
}

/** How large an element is, kept up to date without asking in the middle of a drawing. */
export class Size {
  width: number;
  height: number;

  constructor(node: HTMLElement, changed: () => void) {
    this.width = node.clientWidth;
    this.height = node.clientHeight;
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      if (width === this.width && height === this.height) return;
      this.width = width;
      this.height = height;
      changed();
    }).observe(node);
  }
}

/** A canvas as large as it is to look, in device pixels, ready to be drawn on in CSS pixels; empty from `left` on. */
export function sized(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
  left: number = 0,
): CanvasRenderingContext2D {
  const scale = devicePixelRatio;
  const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(left, 0, width - left, height);
  return context;
}

/** One of several buttons is reached by Tab, the others from it by arrows. */
export function rove(host: HTMLElement, keys: readonly [back: string, on: string]): void {
  const buttons = (): HTMLElement[] =>
    [...host.querySelectorAll<HTMLElement>('button')].filter((one) => !one.hidden);
  host.addEventListener('keydown', (event) => {
    const step = keys.indexOf(event.key);
    if (step < 0) return;
    const all = buttons();
    const next = all[all.indexOf(event.target as HTMLElement) + (step === 0 ? -1 : 1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  host.addEventListener('focusin', (event) => {
    for (const one of buttons()) one.tabIndex = one === event.target ? 0 : -1;
  });
}

/** After the buttons have changed: the first is reached by Tab, if none is. */
export function keepReachable(host: HTMLElement): void {
  const all = [...host.querySelectorAll<HTMLElement>('button')].filter((one) => !one.hidden);
  const reached =
    all.find((one) => one === document.activeElement) ?? all.find((one) => one.tabIndex === 0) ?? all[0];
  for (const one of all) one.tabIndex = one === reached ? 0 : -1;
}
