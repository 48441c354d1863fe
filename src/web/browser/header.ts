// SPDX-License-Identifier: Apache-2.0
import type { SourceKind } from '../../model/source.ts';
import { clock, duration, inWatts, mark, percent, watts } from '../shared/format.ts';
import type { Shown } from '../shared/shown.ts';
import { byId, element, setAttribute, setClass, setText } from './dom.ts';
import type { Scene } from './scene.ts';

/** What each kind of figure is, in a sentence. */
const MEANING: Readonly<Record<SourceKind, string>> = {
  measured: 'measured: a counter of the cores themselves, read at context switches',
  apportioned: 'apportioned: a counter that many CPUs share, split by run time',
  estimated:
    'estimated: no energy counter here, so CPU time × a table: to compare such watts is to compare CPU time',
};

const PARTS = [
  ['process', 'processes'],
  ['idle', 'idle'],
  ['nobody', 'unattributed'],
] as const;

const WHY_NOBODY = {
  shared: 'shared: what a package counted beyond its cores',
  gap: 'gap: counted while nobody could be told',
  lost: 'lost: of processes that found no room',
};

/** Always in sight: how much, of what kind, how certain, and where it went. */
export class Header {
  readonly #bar = element('div', { class: 'ledger-bar' });
  readonly #words = element('div', { class: 'ledger-words' });

  constructor() {
    this.#bar.setAttribute('aria-hidden', 'true');
    for (const [part, name] of PARTS) {
      this.#bar.append(element('i', { class: part }));
      this.#words.append(element('span', { class: part }, element('b'), element('em'), new Text(` ${name}`)));
    }
    byId('ledger').append(this.#bar, this.#words);
  }

  draw({ shown, hello, rate }: Scene): void {
    const kind = hello?.source.kind;
    if (hello)
      document.title = shown
        ? `${mark(kind)}${watts(shown.total, shown.ms)} · ${hello.host} · joules`
        : hello.host;
    if (!shown || !kind) return setText(byId('watts'), '–');
    setText(byId('watts'), `${mark(kind)}${watts(shown.total, shown.ms)}`);
    const badge = byId('kind');
    setText(badge, kind);
    setClass(badge, `kind ${kind}`);
    badge.title = MEANING[kind];
    this.#uncertainty(shown);
    this.#ledger(shown, mark(kind));
    const { name, scope, reference } = hello.source;
    setText(
      byId('foot'),
      `${MEANING[kind]}${reference === null ? '' : ` (${reference})`} · source ${name}, scope ${scope} · ` +
        `joules ${hello.agent} itself ${mark(kind)}${inWatts(rate.watts)}, ${rate.switches} switches a second` +
        (rate.lost > 0 ? `, ${rate.lost} charges lost` : ''),
    );
  }

  #uncertainty(shown: Shown): void {
    let error = 0;
    for (const row of shown.rows.values()) error += row.error;
    const node = byId('error');
    const isKnown = !Number.isNaN(error) && shown.rows.size > 0;
    setText(node, isKnown ? `split ± ${watts(error, shown.ms)}` : '± not known');
    node.title = isKnown
      ? 'One standard deviation of what is uncertain in how the counters were split; the counters have an error of their own.'
      : 'This source does not tell how uncertain it is.';
  }

  #ledger({ ledger, total, ms }: Shown, sign: string): void {
    const { process, idle, shared, gap, lost } = ledger;
    [process, idle, shared + gap + lost].forEach((energy, i) => {
      const part = this.#bar.children[i] as HTMLElement;
      part.style.flexGrow = String(total > 0 ? energy / total : 0);
      const words = this.#words.children[i] as HTMLElement;
      setText(words.children[0]!, energy === 0 ? '0' : `${sign}${watts(energy, ms)}`);
      setText(words.children[1]!, energy > 0 ? ` ${percent(energy / total)}` : '');
    });
    const reasons = Object.entries({ shared, gap, lost })
      .filter(([, energy]) => energy > 0)
      .map(([reason, energy]) => `${watts(energy, ms)} ${WHY_NOBODY[reason as keyof typeof WHY_NOBODY]}`);
    const nobody = this.#words.lastElementChild as HTMLElement;
    nobody.title = reasons.join('\n') || 'Every Joule that was counted is a process’s or idle.';
    setAttribute(byId('ledger'), 'title', 'processes + idle + unattributed = what was counted');
  }
}

/** `live`, or why not; and of what time the figures are. */
export function tellState({ shown, hello, isPaused, isLost, isStale, view }: Scene): void {
  const node = byId('state');
  const host = hello ? ` · ${hello.host}` : '';
  const at = shown ? clock(shown.to) : '';
  const [state, words] = isLost
    ? ['lost', shown ? `no connection: as of ${at}` : 'no connection']
    : !shown && !view.span
      ? ['wait', 'waiting for figures']
      : isPaused
        ? ['paused', `paused at ${at}`]
        : isStale
          ? ['lost', `no figures since ${at}`]
          : hello?.isRecording === true
            ? ['live', 'recording']
            : ['live', 'live'];
  setClass(node, state);
  setText(node, `${words}${host}`);
  document.body.classList.toggle('empty', !shown && !view.span);
  document.body.classList.toggle('old', state === 'lost' && !view.span);
  const time = !shown
    ? ''
    : view.span || hello?.isRecording === true
      ? `${clock(shown.from)} to ${clock(shown.to)}`
      : `mean of ${duration(shown.ms)}`;
  setText(byId('who-time'), time);
}
