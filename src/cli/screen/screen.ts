// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../../model/snapshot.ts';
import { Order } from './entries.ts';
import type { Entry } from './entry.ts';
import { draw, type Playing, type Picture, roomOf } from './frame.ts';
import { type Glyphs, glyphsOf } from './look.ts';
import { Painter } from './paint.ts';
import { type Scene, SceneMaker, withMean } from './scene.ts';
import { isQuit, type Key, nameOf, press, type State } from './state.ts';
import { Terminal } from './terminal.ts';

/** What is done with keys that say what of a recording is shown. */
export interface Player {
  readonly playing: () => Playing;
  /** Takes the name of a key; whether it means something. */
  readonly press: (name: string) => boolean;
  readonly paused: (isPaused: boolean) => void;
}

export interface ScreenOptions {
  readonly state: State;
  /** Called once somebody wants to leave. */
  readonly quit: () => void;
  /** Rows at most. */
  readonly limit?: number | undefined;
  readonly player?: Player | undefined;
}

/** A full screen of what was measured: snapshots and keys come in, what has changed of the picture goes out. */
export class Screen {
  readonly #options: ScreenOptions;
  readonly #maker: SceneMaker;
  readonly #order = new Order();
  readonly #terminal: Terminal;
  readonly #painter: Painter;
  readonly #glyphs: Glyphs;
  #state: State;
  #scene: Scene | undefined;
  #entries: readonly Entry[] = [];
  #notice: string | undefined;
  #isLate = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#maker = new SceneMaker(options.state.mean * 1000);
    this.#glyphs = glyphsOf(process.env);
    this.#painter = new Painter(process.stdout.getColorDepth());
    this.#terminal = new Terminal({ key: (key) => this.#press(key), redraw: () => this.#redraw() });
  }

  open(): void {
    this.#terminal.open();
    process.stdout.on('drain', this.#drained);
    this.#draw();
  }

  close(): void {
    process.stdout.off('drain', this.#drained);
    this.#terminal.close();
  }

  /** Takes a snapshot. While it is paused live ones are taken too, and shown when it goes on. */
  add(snapshot: Snapshot): void {
    if (snapshot.zones.length === 0) this.#notice ??= 'no counter has moved yet: joules doctor tells why';
    this.#maker.add(snapshot, this.#scene);
    const isHeld = this.#state.isPaused && !this.#options.player && this.#scene;
    if (!isHeld) this.#look();
  }

  /** Shows what there is to show of a recording from here on. */
  restart(snapshots: readonly Snapshot[]): void {
    this.#maker.clear();
    for (const snapshot of snapshots) this.#maker.add(snapshot);
    this.#look();
  }

  /** Shows a sentence, until there is another one. */
  tell(notice: string): void {
    this.#notice = notice;
    this.#draw();
  }

  readonly #drained = (): void => {
    if (this.#isLate) this.#draw();
  };

  #look(): void {
    this.#scene = this.#maker.scene();
    this.#list();
    this.#draw();
  }

  #list(): void {
    const all = this.#scene ? this.#order.entries(this.#scene, this.#state) : [];
    this.#entries = this.#options.limit === undefined ? all : all.slice(0, this.#options.limit);
  }

  #press(key: Key): void {
    const { player, quit } = this.#options;
    const before = this.#state;
    if (isQuit(before, key)) return quit();
    const name = nameOf(key);
    if (name === 'ctrl-z') return this.#terminal.suspend();
    if (name === 'ctrl-l') return this.#redraw();
    if (!before.isTyping && !before.isHelp && player?.press(name)) return this.#draw();
    const room = roomOf(this.#terminal.size, player !== undefined);
    this.#state = press(before, key, { entries: this.#entries, room });
    if (this.#state === before) return undefined;
    if (this.#state.isPaused !== before.isPaused) player?.paused(this.#state.isPaused);
    if (before.isPaused && !this.#state.isPaused) this.#scene = this.#maker.scene();
    if (this.#state.mean !== before.mean) {
      this.#maker.meanMs = this.#state.mean * 1000;
      this.#scene &&= withMean(this.#scene, this.#maker.meanMs);
    }
    this.#list();
    return this.#draw();
  }

  #redraw(): void {
    this.#terminal.write(this.#painter.forget());
    this.#draw();
  }

  #draw(): void {
    this.#isLate = !this.#terminal.isReady;
    if (this.#isLate) return;
    const picture: Picture = {
      scene: this.#scene,
      entries: this.#entries,
      state: this.#state,
      playing: this.#options.player?.playing(),
      notice: this.#notice,
    };
    this.#terminal.write(this.#painter.paint(draw(picture, this.#terminal.size, this.#glyphs)));
  }
}
