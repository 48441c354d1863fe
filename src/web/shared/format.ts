// SPDX-License-Identifier: Apache-2.0
import type { SourceKind } from '../../model/source.ts';

/** Three significant figures: 12.3 W, 1.23 W, 45 mW. Mean power of µJ in ms. */
export function watts(energy: number, ms: number): string {
  return ms > 0 ? inWatts(energy / ms / 1000) : '–';
}

export function inWatts(value: number): string {
  if (value === 0) return '0 W';
  if (value >= 1000) return `${(value / 1000).toPrecision(3)} kW`;
  if (value >= 99.95) return `${value.toFixed(0)} W`;
  if (value >= 9.995) return `${value.toFixed(1)} W`;
  if (value >= 0.9995) return `${value.toFixed(2)} W`;
  const milli = value * 1000;
  if (milli >= 9.95) return `${milli.toFixed(0)} mW`;
  return milli >= 0.95 ? `${milli.toFixed(1)} mW` : '< 1 mW';
}

/** Figures below each other, W, all with as many decimals: as the largest of them bears. */
export function wattsBelow(energy: number, ms: number, largest: number): string {
  const most = largest / ms / 1000;
  const decimals = most >= 99.95 ? 1 : most >= 9.995 ? 2 : 3;
  const value = energy / ms / 1000;
  const least = 10 ** -decimals;
  return value > 0 && value < least / 2 ? `< ${least.toFixed(decimals)}` : value.toFixed(decimals);
}

/** Three significant figures of µJ. */
export function joules(energy: number): string {
  const value = energy / 1e6;
  if (value === 0) return '0';
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value >= 0.01 ? value.toFixed(2) : '< 0.01';
}

/** A part of a whole: 100 %, 12 %, 3.4 %. */
export function percent(part: number): string {
  if (!Number.isFinite(part)) return '–';
  if (part === 0) return '0 %';
  if (part < 0.0005) return '< 0.1 %';
  return `${(part * 100).toFixed(part >= 0.0995 ? 0 : 1)} %`;
}

/** Estimates never look like readings. */
export function mark(kind: SourceKind | undefined): string {
  return kind === 'estimated' ? '≈ ' : '';
}

/** `16:21:05`, or without the seconds. */
export function clock(time: number, seconds: boolean = true): string {
  const date = new Date(time);
  const parts = [date.getHours(), date.getMinutes(), ...(seconds ? [date.getSeconds()] : [])];
  // Not by Intl: charts ask for dozens of times a second.
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** `5 s`, `2 min`, `1 min 30 s`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds} s`;
  return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
}
