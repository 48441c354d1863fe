// SPDX-License-Identifier: Apache-2.0
// The image's root file system, made by the steps of the Dockerfile, run as runtimes of containers run it.
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeTree } from '../../deploy/packages/tree.mjs';
import { must, ROOT } from '../../deploy/packages/run.mjs';
import { skip, tell, test } from '../e2e/report.mjs';
import { Chroot } from './chroot.mjs';

/** Of a container that shares the host's processes: its own file systems, host name, queues and cgroups. */
const NAMESPACES = ['--mount', '--uts', '--ipc', '--cgroup'];
/** The host's trees where the manifests mount them; what follows has a root that cannot be written to. */
const MOUNTS = `set -e
mkdir -p /host/proc /host/sys
mount --rbind -o ro /proc /host/proc
mount --rbind -o ro /sys /host/sys
mount -o remount,bind,ro / 2>/dev/null || mount -o remount,ro /
exec setpriv "$@"`;

export async function judgeImage(suite, built, work) {
  const tree = join(work, 'image');
  makeTree('linux-x64-gnu', built, tree);
  mkdirSync(join(tree, 'bin'), { recursive: true });
  must('llvm-strip', ['-o', join(tree, 'bin/node'), process.execPath]);
  const chroot = new Chroot(suite, work);
  const lib = chroot.copy(tree, '/usr/lib/joules');
  cpSync(join(ROOT, 'deploy/docker/joules'), chroot.pathOf('/usr/bin/joules'), { recursive: true });
  chmodSync(chroot.pathOf('/usr/bin/joules'), 0o755);
  try {
    must('setcap', ['cap_bpf,cap_perfmon=ep', join(lib, 'bin/node')]);
  } catch (error) {
    return skip('the image', error);
  }
  const size = must('du', ['-sm', lib]).split('\t')[0];
  tell(`image: ${size} MB beside Debian's`);
  await judge(chroot, 'as a user of no account, whose Node has two capabilities', {
    capabilities: ['bpf', 'perfmon'],
    more: ['--reuid=65532', '--regid=65532', '--clear-groups', '--inh-caps=-all'],
  });
  await judge(chroot, 'as root with three capabilities, which can gain none', {
    capabilities: ['bpf', 'perfmon', 'sys_ptrace'],
    more: ['--no-new-privs'],
  });
  return undefined;
}

async function judge(chroot, how, { capabilities, more }) {
  const set = `-all,${capabilities.map((one) => `+${one}`).join()}`;
  const joules = ['joules', 'top', '--json', '--count', '1', '--root', '/host'];
  const container = [
    'unshare',
    ...NAMESPACES,
    'sh',
    '-c',
    MOUNTS,
    'sh',
    `--bounding-set=${set}`,
    ...more,
    ...joules,
  ];
  const { status, stdout, stderr } = await chroot.run(...container);
  const snapshot = status === 0 ? JSON.parse(stdout.trim().split('\n').at(-1)) : undefined;
  const seen = snapshot?.processes.some(({ pid }) => pid !== null);
  test(
    `image: it measures ${how}`,
    status !== 0 ? stderr || `status ${status}` : !seen && 'it sees no process',
  );
  const own = snapshot?.cgroups.filter(({ path }) => path.includes('..')) ?? [];
  test(`image: cgroups have the names that the host has, ${how}`, own.map(({ path }) => path).join());
}
