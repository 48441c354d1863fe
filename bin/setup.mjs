#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Brings a fresh clone to where `joules` runs: Debian packages, npm packages, native part, JavaScript.
// `npm start` and the others run it first. What is there already is left alone, so that from the second time
// on it takes some milliseconds and prints nothing. `--test` adds what tests, checks and benchmarks run; `--yes`
// (`npm start --yes`) installs Debian packages on a terminal without a question.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
// bpftool is in /usr/sbin, which a root shell of su(1) does not have in its path.
process.env.PATH = [process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter);

/** Debian package and how to tell that it, or another that does as well, is installed. */
const BUILD_PACKAGES = [
  ['clang', hasCommand('clang')],
  ['bpftool', hasCommand('bpftool')],
  ['g++', hasCommand('g++')],
  ['make', hasCommand('make')],
  ['python3', hasCommand('python3')],
  ['libbpf-dev', existsSync('/usr/include/bpf/libbpf.h') && hasLibrary('libbpf.a')],
  ['libelf-dev', existsSync('/usr/include/gelf.h')],
  ['zlib1g-dev', existsSync('/usr/include/zlib.h')],
];
const TEST_PACKAGES = [
  ['stress-ng', hasCommand('stress-ng')],
  ['linux-perf', hasCommand('perf')],
  ['clang-format', hasCommand('clang-format')],
  ['util-linux', hasCommand('setpriv')],
  ['llvm', hasCommand('llvm-objdump')],
  ['chromium', hasCommand('chromium')],
  ['python3-seccomp', pythonHas('seccomp')],
  ['tmux', hasCommand('tmux')],
];

checkOwners();
await installPackages(BUILD_PACKAGES, 'the native part is built with them');
if (process.argv.includes('--test')) await installPackages(TEST_PACKAGES, 'the tests run them');
installModules();
linkCommand();
buildNative();
buildJavaScript();

/**
 * Root runs what is in this clone: whoever may write to it may become root. It is a guard against a slip of root's alone,
 * since they may change this check as well. Tests and builds go on: they run where the project is worked on.
 */
function checkOwners() {
  if (process.getuid() !== 0) return;
  const path = foreignPath();
  if (path === undefined) return;
  const warning = `${path} can be written by others than root, who could have anything run as root`;
  // A machine that runs tests is trusted with what it has checked out, whoever the owner is there.
  const isTold = Boolean(process.env.JOULES_TRUST_CLONE || process.env.CI);
  if (isTold || ![undefined, 'prestart'].includes(process.env.npm_lifecycle_event)) return say(warning);
  fail(
    `${warning}: clone it as root below directories of root's, or set JOULES_TRUST_CLONE=1 if you trust them`,
  );
}

/** Something that others than root may change: on the way here, or here; packages of npm by their directories alone. */
function foreignPath() {
  const here = process.cwd();
  for (let path = here; path !== '/'; path = dirname(path)) {
    // In a sticky directory (/tmp) nobody moves what is another's.
    if (isForeign(path, path !== here)) return path;
  }
  const top = readdirSync('.').filter((name) => name !== '.git');
  const deep = ['bin', 'bpf', 'native', 'src', 'dist', 'build/Release']
    .filter(existsSync)
    .flatMap((directory) => {
      return readdirSync(directory, { recursive: true }).map((name) => join(directory, name));
    });
  const packages = existsSync('node_modules') ? readdirSync('node_modules') : [];
  const all = [...top, ...deep, ...packages.map((name) => join('node_modules', name))];
  const found = all.find((path) => isForeign(path, false));
  return found && join(here, found);
}

function isForeign(path, mayBeSticky) {
  const { uid, gid, mode } = lstatSync(path);
  const isLink = (mode & 0o170000) === 0o120000;
  const isSticky = mayBeSticky && (mode & 0o1000) !== 0;
  const writers = gid === 0 ? 0o002 : 0o022;
  return uid !== 0 || (!isLink && !isSticky && (mode & writers) !== 0);
}

async function installPackages(packages, why) {
  const missing = packages.filter(([, present]) => !present).map(([name]) => name);
  if (missing.length === 0) return;
  const list = missing.join(', ');
  const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...missing];
  if (!hasCommand('apt-get')) {
    fail(`missing: ${list} (${why}); install what your distribution calls them and start again`);
  }
  if (process.getuid() !== 0) {
    fail(`missing: ${list} (${why}); run "sudo ${install.join(' ')}" and start again`);
  }
  await agree(`install the Debian packages ${list} (${why})`);
  say(`installing the Debian packages ${list} (${why}) …`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  // The index is fetched only when it is missing or too old to install from.
  if (run(install).ok) return;
  run(['apt-get', 'update']);
  must(run(install), `apt-get could not install ${list}: mend what it says above and start again`);
}

/** Asks on a terminal, unless `--yes` has answered; without one there is nobody to ask. */
async function agree(what) {
  const isYes = process.argv.includes('--yes') || process.env.npm_config_yes === 'true';
  if (isYes || !process.stdin.isTTY || !process.stderr.isTTY) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C closes the terminal without an answer, Ctrl-D rejects it: both say no.
  const closed = once(terminal, 'close').then(() => '');
  const asked = terminal.question(`joules set-up: ${what}? [y/N] `).catch(() => '');
  const answer = await Promise.race([asked, closed]);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) fail(`did not ${what}: answer y, or give --yes, and start again`);
}

function installModules() {
  const wanted = readJson('package-lock.json');
  // npm keeps there what it has installed.
  const installed = readJson('node_modules/.package-lock.json');
  const current = Object.entries(wanted.packages).every(
    ([path, { version, optional }]) =>
      path === '' || optional || installed?.packages[path]?.version === version,
  );
  if (current) return;
  say('installing the npm packages …');
  // No package's own scripts run; NODE_ENV=production must not leave out the compilers.
  const quiet = ['--no-fund', '--no-audit', '--loglevel=error'];
  must(
    run(['npm', 'ci', '--ignore-scripts', '--include=dev', ...quiet]),
    'npm could not install the packages: check that the registry can be reached and start again',
  );
}

/** What runs scripts of this clone has the command in its path: npm links those of other packages alone. */
function linkCommand() {
  const link = 'node_modules/.bin/joules';
  if (!existsSync(link)) symlinkSync('../../bin/joules', link);
}

function buildNative() {
  const stamp = hash(['bpf', 'native', 'binding.gyp'], process.versions.modules, process.arch);
  if (isStamped('build', stamp)) return;
  say('building the native part (clang, node-gyp) …');
  // Where Node brought its headers along, node-gyp needs not download them.
  const prefix = [dirname(dirname(process.execPath)), '/usr'].find((directory) =>
    existsSync(join(directory, 'include/node/node_api.h')),
  );
  must(
    run([
      'node_modules/.bin/node-gyp',
      'rebuild',
      '--loglevel=warn',
      ...(prefix ? [`--nodedir=${prefix}`] : []),
    ]),
    'the native part did not build: mend what is said above and start again',
  );
  writeFileSync('build/.stamp', stamp);
}

function buildJavaScript() {
  const stamp = hash(['src', 'tsconfig.json', 'package.json', 'bin'], process.version);
  if (isStamped('dist', stamp)) return;
  say('compiling TypeScript …');
  rmSync('dist', { recursive: true, force: true });
  must(
    run(['node_modules/.bin/tsc', '-p', '.']),
    'TypeScript did not compile: mend what is said above and start again',
  );
  buildPage();
  buildBundle();
  const { manual } = createRequire(import.meta.url)('../dist/settings/manual.js');
  writeFileSync('dist/joules.1', manual(readJson('package.json').version));
  writeFileSync('dist/.stamp', stamp);
}

/** What the browser gets: one script, one style, no other file than these. */
function buildPage() {
  const browser = 'src/web/browser';
  const assets = 'dist/web/assets';
  const { version } = readJson('node_modules/uplot/package.json');
  // The licences of what is bundled want to be named.
  const banner = `--banner:js=/*! Apache-2.0. uPlot ${version}: MIT, (c) Leon Sorokin */`;
  const target = '--target=chrome111,firefox113,safari16.4';
  const inputs = [`app=${browser}/main.ts`, `${browser}/app.css`];
  bundle('page', [...inputs, '--minify', '--format=esm', target, banner, `--outdir=${assets}`]);
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(browser, name), join(assets, name));
}

/**
 * What bin/joules runs: a function, as CommonJS has modules. Packages that `stat` does not need stay outside. Of TypeScript
 * esbuild makes less than of what tsc has made of it, and it leaves out what nobody uses. Names stay, for stacks.
 */
function buildBundle() {
  const { version } = readJson('node_modules/valibot/package.json');
  const outside = ['@opentelemetry/*', 'yaml', 'bcryptjs', 'get-east-asian-width'];
  const head = `(function(exports,require,module,__filename,__dirname){/*! Apache-2.0. valibot ${version}: MIT, (c) Fabian Hiller */`;
  bundle('bundle', [
    'src/cli/main.ts',
    ...['--platform=node', '--format=cjs', '--target=node20'],
    // A script of node:vm has no import(): what is outside is required when it is asked for.
    '--supported:dynamic-import=false',
    // Without comments it is pure ASCII, of which V8 keeps half as much.
    ...['--minify-whitespace', '--minify-syntax', '--line-limit=120'],
    ...outside.map((name) => `--external:${name}`),
    ...[`--banner:js=${head}`, '--footer:js=})', '--outfile=dist/cli/bundle.js'],
  ]);
  const flags = /flags='(.*)'/.exec(readFileSync('bin/joules', 'utf8'))[1].split(' ');
  for (const each of [[], flags]) {
    const compiled = run([process.execPath, ...each, 'bin/compile.cjs']);
    must(compiled, 'the bundle does not run: mend what is said above and start again');
  }
}

function bundle(what, words) {
  const built = run(['node_modules/.bin/esbuild', ...words, '--bundle', '--log-level=warning']);
  must(built, `the ${what} did not build: mend what is said above and start again`);
}

function hasCommand(name) {
  return process.env.PATH.split(delimiter).some((directory) => existsSync(join(directory, name)));
}

/** Debian keeps libraries in a directory per architecture. */
function hasLibrary(name) {
  return readdirSync('/usr/lib').some((directory) => existsSync(join('/usr/lib', directory, name)));
}

/** Debian's Python, whatever other one is in the path. */
function pythonHas(module) {
  const packages = '/usr/lib/python3/dist-packages';
  return existsSync(packages) && readdirSync(packages).some((name) => name.startsWith(`${module}.`));
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** Hash over files and directories of files and whatever else the result depends on. */
function hash(paths, ...also) {
  const files = paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path, { recursive: true }).sort();
    return names.map((name) => join(path, name)).filter((file) => !statSync(file).isDirectory());
  });
  const sum = createHash('sha256').update(also.join());
  for (const file of files) sum.update(`\0${file}\0`).update(readFileSync(file));
  return sum.digest('hex');
}

/** Whether a directory was built, to its end, from what has this hash. */
function isStamped(directory, stamp) {
  const path = join(directory, '.stamp');
  return existsSync(path) && readFileSync(path, 'utf8') === stamp;
}

/** Runs a command; what it prints is kept, in its order, for the case that it fails. */
function run(command) {
  const shell = ['-c', 'exec "$@" 2>&1', 'sh', ...command];
  const { status, stdout } = spawnSync('sh', shell, {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  });
  return { ok: status === 0, output: String(stdout ?? '') };
}

function must({ ok, output }, sentence) {
  if (ok) return;
  console.error(output.trimEnd().split('\n').slice(-40).join('\n'));
  fail(sentence);
}

function say(text) {
  console.error(`joules set-up: ${text}`);
}

function fail(sentence) {
  say(sentence);
  process.exit(1);
}
