// SPDX-License-Identifier: Apache-2.0
'use strict';
// All of the command line as one script, a function that set-up has made of it, and beside it what V8 has compiled of it:
// without both, reading and compiling 130 modules is a third of what `joules stat true` takes. Set-up makes them. Another
// version of V8, or other flags, do not take what was compiled, and compile it anew.
const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');

const BUNDLE = join(__dirname, '../dist/cli/bundle.js');
/** What V8 has compiled of it, under the flags of bin/joules or without any. */
const COMPILED = `${BUNDLE.slice(0, -'.js'.length)}${process.execArgv.length > 0 ? '-flags' : ''}.v8`;

/** The script, and what it exports; undefined where it has not been built. */
function load() {
  const source = read(BUNDLE, 'utf8');
  if (source === undefined) return undefined;
  const script = new Script(source, { filename: BUNDLE, cachedData: read(COMPILED) });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(BUNDLE), module, BUNDLE, dirname(BUNDLE));
  return { script, exports: module.exports };
}

function read(path, encoding) {
  try {
    return readFileSync(path, encoding);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}

module.exports = { BUNDLE, COMPILED, load };
