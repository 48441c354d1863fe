// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const STYLE = readFileSync(join(__dirname, '../../src/web/browser/theme.css'), 'utf8');
const NAMES = ['s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7'];

type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/** What eyes without one kind of cones see, in linear RGB: Machado, Oliveira and Fernandes 2009, severity 1. */
const EYES: Readonly<Record<string, Matrix>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const times = (matrix: Matrix, [x, y, z]: Triple): Triple =>
  matrix.map(([a, b, c]) => a * x + b * y + c * z) as unknown as Triple;

function linear(color: string): Triple {
  return [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as unknown as Triple;
}

/** OKLab (Ottosson 2020) × 100. */
function okLab(rgb: Triple): Triple {
  const cones = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb,
  ).map((one) => Math.cbrt(Math.max(0, one))) as unknown as Triple;
  const lab = times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    cones,
  );
  return lab.map((one) => one * 100) as unknown as Triple;
}

/** Colours of a theme by name: the last block of the style that sets its `--theme`. */
function themeOf(theme: string): Map<string, string> {
  const block = STYLE.slice(STYLE.lastIndexOf(`--theme: ${theme};`));
  const body = block.slice(0, block.indexOf('}'));
  return new Map([...body.matchAll(/--([\w]+): (#[\da-f]{6});/g)].map(([, name, color]) => [name!, color!]));
}

describe.each(['light', 'dark'])('the colours of containers, %s', (theme) => {
  const colors = themeOf(theme);

  it.each(Object.keys(EYES))('are told apart by %s eyes', (eyes) => {
    const seen = NAMES.map((name) => okLab(times(EYES[eyes]!, linear(colors.get(name)!))));
    const distances = seen.flatMap((one, i) =>
      seen.slice(i + 1).map((other) => Math.hypot(...one.map((value, axis) => value - other[axis]!))),
    );
    expect(distances).toHaveLength(28);
    expect(Math.min(...distances)).toBeGreaterThan(8);
  });
});

it('the dark theme is the same by choice and by the system', () => {
  const blocks = [...STYLE.matchAll(/\{\s*(--theme: dark;[^}]*)\}/g)].map(([, body]) =>
    body!.replaceAll(/\s+/g, ' '),
  );
  expect(blocks).toHaveLength(2);
  expect(blocks[0]).toBe(blocks[1]);
});
