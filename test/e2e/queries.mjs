// SPDX-License-Identifier: Apache-2.0
// The queries of docs/metrics.md, asked as they stand there.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** { title, promql } of each: a heading of the third level and the block of PromQL that follows it. */
export function readQueries() {
  const text = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  return [
    ...text.matchAll(/^### (?<title>.+)\n(?:(?!^#|^```)[^\n]*\n)*```promql\n(?<promql>[^`]+)```/gm),
  ].map(({ groups }) => ({ title: groups.title, promql: groups.promql.trim() }));
}

/** '' where the answer has rows and all are numbers. */
export function judgeAnswer(rows) {
  if (rows.length === 0) return 'no data';
  const wrong = rows.find(({ value }) => !Number.isFinite(Number(value[1])));
  return wrong ? `${JSON.stringify(wrong.metric)} is ${wrong.value[1]}` : '';
}

export function showAnswer(rows) {
  return rows
    .slice(0, 3)
    .map(
      ({ metric, value }) => `${Object.values(metric).join(' ') || 'all'} ${Number(value[1]).toPrecision(4)}`,
    )
    .join(', ');
}
