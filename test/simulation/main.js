// SPDX-License-Identifier: Apache-2.0
// Compiles the simulator, which is main.ts, and runs it.
const { execFileSync } = require('node:child_process');
const { join } = require('node:path');

const ROOT = join(__dirname, '../..');
execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', __dirname], { stdio: 'inherit' });
require(join(ROOT, 'build/simulation/test/simulation/main.js'));
