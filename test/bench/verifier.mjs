// SPDX-License-Identifier: Apache-2.0
import { measure, table } from './tools.mjs';

export default function verifier() {
  return `# What the verifier makes of our programs

Instructions that it went through, of a million that it would, and bytes of machine code.

${table(['program', 'verified', 'bytes'], measure('verifier'))}`;
}
