// SPDX-License-Identifier: Apache-2.0
'use strict';
// What set-up runs, with the flags of bin/joules, to keep what V8 compiles of the bundle: as far as `joules stat` comes
// that is given no command, which needs no privileges.
const { writeFileSync } = require('node:fs');
const { COMPILED, load } = require('./bundle.cjs');

const { script, exports: joules } = load();
const { write } = process.stderr;
process.stderr.write = () => true;
void joules.main(['stat']).finally(() => {
  process.stderr.write = write;
  writeFileSync(COMPILED, script.createCachedData());
});
