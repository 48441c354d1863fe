// SPDX-License-Identifier: Apache-2.0
import { tell, test } from '../e2e/report.mjs';

/** A counter whose truth is known: every CPU "uses" its TSC frequency x 1 nJ per second. */
export const TSC = 'perf:msr/tsc/,scope=cpu,joules=1e-9';
const COMPILERS = 'gcc g++ cc c++ clang make python3';

/** That what is installed in a chroot measures, without anything to build it with. */
export async function judgeMeasuring(chroot, how) {
  const title = `${chroot.suite}: ${how}`;
  const compilers = await chroot.run('sh', '-c', `for one in ${COMPILERS}; do command -v $one; done; true`);
  test(`${title}: there is no compiler`, compilers.stdout !== '' && compilers.stdout);
  const top = await chroot.run('joules', 'top', '--count', '1', '--json', '--source', TSC);
  test(
    `${title}: joules top measures, ${top.seconds.toFixed(1)} s`,
    top.status !== 0 ? top.stderr : unclosed(top.stdout),
  );
  const plain = await chroot.run('joules', 'top', '--count', '1');
  test(`${title}: so it does with the source that it finds`, plain.status !== 0 && plain.stderr);
  const stat = await chroot.run('joules', 'stat', '--source', TSC, '--', 'true');
  test(
    `${title}: joules stat tells what a command used`,
    !/ J +command/.test(stat.stderr + stat.stdout) && stat.stderr,
  );
  const version = await chroot.run('joules', '--version');
  test(`${title}: joules --version`, !/^\d+\.\d+\.\d+\n$/.test(version.stdout) && version.stderr);
}

/** Why a snapshot of `joules top --json` is none; false if it is one. */
function unclosed(text) {
  const { totals, processes } = JSON.parse(text.trim().split('\n').at(-1));
  const parts = totals.process_j + totals.idle_j + totals.unattributed_j;
  if (!(totals.process_j > 0) || processes.length === 0) return 'nobody used any energy';
  return (
    Math.abs(parts - totals.counter_j) > 1e-6 * totals.counter_j && `${parts} J of ${totals.counter_j} J`
  );
}

export function tellSeconds(what, { seconds }) {
  tell(`${what}: ${seconds.toFixed(1)} s`);
}
