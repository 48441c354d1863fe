// SPDX-License-Identifier: Apache-2.0
// A page that looks as the full screen of `joules top` does after these snapshots.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { SceneMaker } = require('../../dist/cli/screen/scene.js');
const { Order } = require('../../dist/cli/screen/entries.js');
const { draw } = require('../../dist/cli/screen/frame.js');
const { UNICODE } = require('../../dist/cli/screen/look.js');
const { parseSnapshot } = require('../../dist/recording/parse.js');
const { START } = require('../../dist/cli/screen/state.js');

/** The colours that `paint.ts` asks a terminal of 256 for. */
const COLOURS = {
  bold: 'color:#fff;font-weight:700',
  dim: 'color:#8a8a8a',
  bar: 'color:#5fafff',
  idle: 'color:#8a8a8a',
  nobody: 'color:#d787d7',
  warning: 'color:#ffaf00',
  badge: 'background:#ddd;color:#111',
  cursor: 'background:#ddd;color:#111',
  heat0: 'color:#585858',
  heat1: 'color:#875f00',
  heat2: 'color:#af5f00',
  heat3: 'color:#d78700',
  heat4: 'color:#ff8700',
  heat5: 'color:#ffaf00',
};

export function topPage(snapshots, size, choice = {}) {
  const maker = new SceneMaker(5000);
  for (const snapshot of snapshots) maker.add(parseSnapshot(JSON.stringify(snapshot)));
  const scene = maker.scene();
  const state = { ...START, ...choice };
  const entries = new Order().entries(scene, state);
  const lines = draw({ scene, entries, state }, size, UNICODE);
  const body = lines.map((line) => line.map(span).join('')).join('\n');
  return `<!doctype html><meta charset="utf-8"><style>
    body { margin: 0; background: #16181d; }
    pre { margin: 0; padding: 14px 18px; width: max-content; color: #d0d0d0;
      font: 14px/17px 'DejaVu Sans Mono', 'Liberation Mono', monospace; }
  </style><pre>${body}</pre>`;
}

function span({ text, style }) {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return style ? `<span style="${COLOURS[style]}">${escaped}</span>` : escaped;
}
