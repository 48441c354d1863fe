// SPDX-License-Identifier: Apache-2.0
'use strict';
// What set-up runs, with the flags of bin/joules, to keep what V8 compiles of the bundle: all that `joules stat true` calls,
// or, without the privileges that it takes, what it calls until it finds that out.
const { writeFileSync } = require('node:fs');
const { COMPILED, load } = require('./bundle.cjs');

const { script, exports: joules } = load();
const { write } = process.stderr;
process.stderr.write = () => true;
void joules.main(['stat', '--source', 'estimated', '--', 'true']).finally(() => {
  process.stderr.write = write;
  writeFileSync(COMPILED, script.createCachedData());
});
