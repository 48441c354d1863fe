// SPDX-License-Identifier: Apache-2.0
// The packages of npm: well-formed, and installed in bare systems.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CACHE, must } from '../../deploy/packages/run.mjs';
import { tell, test } from '../e2e/report.mjs';
import { Chroot } from './chroot.mjs';
import { judgeMeasuring, TSC } from './measures.mjs';
import { startRegistry } from './registry.mjs';

const LINTERS = ['publint@0.3.25', '@arethetypeswrong/cli@0.18.5'];

/** Where an application is, and what it does with `openMeter`. */
const APPLICATION = '/root/application';
const MEASURE = `const meter = await openMeter({ source: '${TSC}' });
for await (const { totals } of meter) { console.log(totals.counter_j > 0); break; }
await meter.close();`;

export function judgeForm(main, work) {
  judgeLinks(main, join(work, 'main'));
  const directory = join(CACHE, 'linters');
  if (!existsSync(directory)) {
    const partial = `${directory}.${process.pid}`;
    mkdirSync(partial, { recursive: true });
    must('npm', ['install', '--ignore-scripts', '--no-fund', '--no-audit', '--prefix', partial, ...LINTERS]);
    renameSync(partial, directory);
  }
  test(
    'publint has nothing to say of the package',
    complaint(join(directory, 'node_modules/.bin/publint'), [main, '--strict']),
  );
  const attw = join(directory, 'node_modules/.bin/attw');
  test('arethetypeswrong has nothing to say of it', complaint(attw, [main, '--no-color', '--no-emoji']));
}

/** What a document of the package leads to is in the package. */
function judgeLinks(main, directory) {
  mkdirSync(directory, { recursive: true });
  must('tar', ['-xzf', main, '-C', directory, '--strip-components=1']);
  const documents = readdirSync(directory, { recursive: true }).filter((name) => name.endsWith('.md'));
  const links = documents.flatMap((name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)].map(
      ([, one, other]) => one ?? other,
    );
    return targets
      .filter((target) => !/^(#|[a-z]+:)/.test(target))
      .map((target) => [name, target.split('#')[0]]);
  });
  const dead = links.filter(([name, target]) => !existsSync(join(directory, dirname(name), target)));
  test(
    `${links.length} links within the package lead somewhere`,
    links.length === 0 ? 'there is none' : dead.join('; '),
  );
}

function complaint(command, args) {
  try {
    execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' });
    return false;
  } catch (error) {
    return `${error.stdout}${error.stderr}`;
  }
}

/** As a user does: one command, with the registry's choice of the platform's package. */
export async function judgeInstallation(suite, { main, platforms }, work) {
  const chroot = new Chroot(suite, work);
  chroot.addNode();
  const registry = await startRegistry(platforms);
  const package_ = chroot.bring(main);
  const scope = `--@otel-ebpf-energy:registry=${registry.url}`;
  const quiet = ['--no-fund', '--no-audit', '--ignore-scripts'];
  const installed = await chroot.run('npm', 'install', '-g', ...quiet, scope, package_);
  const application = ['npm', 'install', '--prefix', APPLICATION, ...quiet, scope, package_];
  const added = await chroot.run(...application);
  registry.close();
  test(
    `${suite}: npm installs the package, ${installed.seconds.toFixed(1)} s`,
    installed.status !== 0 && installed.stderr,
  );
  if (installed.status !== 0) return;
  const taken = [...registry.asked].join();
  test(`${suite}: with the one of this platform alone`, taken !== '@otel-ebpf-energy/linux-x64-gnu' && taken);
  const first = await chroot.run('joules', 'top', '--count', '1');
  const seconds = installed.seconds + first.seconds;
  test(
    `${suite}: the first figures come ${seconds.toFixed(1)} s after the command to install`,
    first.status !== 0 && first.stderr,
  );
  const size = await chroot.run('du', '-sh', '/usr/local/lib/node_modules/otel-ebpf-energy');
  tell(`${suite}: ${size.stdout.split('\t')[0]} with all dependencies`);
  await judgeMeasuring(chroot, 'npm');
  await judgeLibrary(chroot, added);
  await judgeAbsence(chroot);
}

/** In an application, by both ways to load a package. */
async function judgeLibrary(chroot, added) {
  test(`${chroot.suite}: npm adds the package to an application`, added.status !== 0 && added.stderr);
  for (const [how, load] of [
    ['import', "await import('otel-ebpf-energy')"],
    ['require', "require('otel-ebpf-energy')"],
  ]) {
    const program = `(async () => { const { openMeter } = ${load}; ${MEASURE} })()`;
    const { stdout, stderr } = await chroot.run(
      'sh',
      '-c',
      `cd ${APPLICATION} && node -e "$1"`,
      'sh',
      program,
    );
    test(`${chroot.suite}: an application measures by ${how}`, stdout !== 'true\n' && `${stdout}${stderr}`);
  }
}

/** Without its platform's package it says so and what to do. */
async function judgeAbsence(chroot) {
  const modules = '/usr/local/lib/node_modules/otel-ebpf-energy/node_modules/@otel-ebpf-energy';
  await chroot.run('rm', '-r', modules);
  const { status, stderr } = await chroot.run('joules', 'top', '--count', '1');
  const isSentence = /^joules: cannot load the native part: .*npm run build.*\n$/.test(stderr);
  test(
    `${chroot.suite}: without the platform's package it says how to build`,
    !(status === 3 && isSentence) && stderr,
  );
}
