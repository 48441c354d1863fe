// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { ROOT } from './tools.mjs';

/** The BPF program's source, replayed on simulated machines whose truth is known, beside other ways. */
export default function accuracy() {
  const args = ['test/simulation/main.js', '--table', 'cores', '--seeds', '3'];
  return `# Accuracy\n\n${execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }).trimEnd()}`;
}
