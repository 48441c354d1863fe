// SPDX-License-Identifier: Apache-2.0
import { Order } from '../../src/cli/screen/entries.ts';
import { draw, type Picture, roomOf } from '../../src/cli/screen/frame.ts';
import { type Glyphs, type Line, UNICODE } from '../../src/cli/screen/look.ts';
import { SceneMaker } from '../../src/cli/screen/scene.ts';
import { press, START, type State } from '../../src/cli/screen/state.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';

/** A screen without a terminal. */
export class StillScreen {
  state: State;
  readonly #maker: SceneMaker;
  readonly #order = new Order();
  readonly #glyphs: Glyphs;

  constructor(state: Partial<State> = {}, glyphs: Glyphs = UNICODE) {
    this.state = { ...START, ...state };
    this.#glyphs = glyphs;
    this.#maker = new SceneMaker(this.state.mean * 1000);
  }

  add(...snapshots: readonly Snapshot[]): this {
    for (const snapshot of snapshots) this.#maker.add(snapshot);
    return this;
  }

  picture(): Picture {
    const scene = this.#maker.scene();
    return { scene, entries: scene ? this.#order.entries(scene, this.state) : [], state: this.state };
  }

  press(...names: readonly string[]): this {
    for (const name of names) {
      const { entries } = this.picture();
      this.state = press(
        this.state,
        { name, sequence: name },
        { entries, room: roomOf({ width: 80, height: 24 }, false) },
      );
    }
    return this;
  }

  lines(width: number, height: number): Line[] {
    return draw(this.picture(), { width, height }, this.#glyphs);
  }

  text(width: number, height: number): string[] {
    return this.lines(width, height).map((line) => line.map(({ text }) => text).join(''));
  }
}
