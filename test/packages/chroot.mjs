// SPDX-License-Identifier: Apache-2.0
// Bare Debian systems to install packages in: debootstrapped once into the cache, and never written to there.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CACHE, must } from '../../deploy/packages/run.mjs';
import { debianMirror } from '../../deploy/packages/sysroot.mjs';

const NPM = '/usr/local/lib/node_modules/npm';
/** What every command begins with, in mounts of its own that end with it: $1 is the lower tree, $2 what was written. */
const OVERLAY = `set -e
mount --make-rprivate /
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
cd "$2/root"; shift 2`;
const ENTER = `${OVERLAY}
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --bind /dev dev
exec chroot . "$@"`;
/** Its own init is started, in a container: in cgroups of ours, since it makes others beside. $1 is their name. */
const BOOT = `${OVERLAY}
for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
  [ ! -e "$root/cgroup.procs" ] || { mkdir "$root/$1" && echo $$ >"$root/$1/cgroup.procs"; }
done
unit=--keep-unit; [ ! -d /run/systemd/system ] || unit=
exec systemd-nspawn -D . --boot --register=no $unit --capability=all --system-call-filter="bpf perf_event_open"`;
/** What is empty by then: directories below first. */
const CLEAN = `for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
  [ ! -d "$root/$1" ] || find "$root/$1" -depth -type d -exec rmdir {} + 2>/dev/null
done; true`;

/** A suite without anything that is not essential, as it is right after debootstrap. */
export class Chroot {
  #lower;
  #own;
  #environment;

  constructor(suite, work) {
    this.suite = suite;
    this.#lower = join(CACHE, suite);
    this.#own = join(work, `chroot-${suite}-${Math.random().toString(36).slice(2, 8)}`);
    for (const name of ['upper', 'work', 'root']) mkdirSync(join(this.#own, name), { recursive: true });
    if (!existsSync(this.#lower)) debootstrap(suite, this.#lower);
    this.#environment = {
      HOME: '/root',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    };
    this.copy('/etc/resolv.conf', '/etc/resolv.conf');
  }

  /** Runs a command to its end: { status, stdout, stderr, seconds }. */
  run(...command) {
    return this.#unshare(['--mount'], ENTER, command);
  }

  /** Starts its systemd until that powers off: what `run` resolves with. */
  async boot() {
    const name = `joules-boot-${process.pid}`;
    const booted = await this.#unshare(['--mount', '--fork', '--kill-child'], BOOT, [name]);
    must('sh', ['-c', CLEAN, 'sh', name]);
    return booted;
  }

  #unshare(namespaces, script, words) {
    const since = performance.now();
    const args = [...namespaces, 'sh', '-c', script, 'sh', this.#lower, this.#own, ...words];
    const options = { encoding: 'utf8', env: this.#environment, maxBuffer: 2 ** 26, timeout: 300_000 };
    return new Promise((resolve) => {
      const child = execFile('unshare', args, options, (error, stdout, stderr) => {
        const status = error ? (error.code ?? 1) : 0;
        resolve({ status, stdout, stderr, seconds: (performance.now() - since) / 1000 });
      });
      child.stdin.end();
    });
  }

  /** Where something of it is that was written. */
  pathOf(path) {
    return join(this.#own, 'upper', path);
  }

  /** Copies a file or a tree of this system's into it; returns where it is, seen from here. */
  copy(from, to) {
    const path = this.pathOf(to);
    mkdirSync(dirname(path), { recursive: true });
    cpSync(from, path, { recursive: true, dereference: true });
    return path;
  }

  /** Copies a file to where its root user is at home, and returns where that is. */
  bring(path) {
    const target = join('/root', basename(path));
    this.copy(path, target);
    return target;
  }

  /** Gives it this Node and its npm, as who installs a tarball of Node has them, and this system's way to the registry. */
  addNode() {
    this.copy(process.execPath, '/usr/local/bin/node');
    this.copy(dirname(dirname(npmPath())), NPM);
    symlinkSync(`${NPM}/bin/npm-cli.js`, join(this.#own, 'upper/usr/local/bin/npm'));
    const configured = (key) => must('npm', ['config', 'get', key]).trim();
    const certificates = configured('cafile');
    if (existsSync(certificates)) {
      this.copy(certificates, '/etc/npm-certificates.pem');
      this.#environment.npm_config_cafile = '/etc/npm-certificates.pem';
      this.#environment.NODE_EXTRA_CA_CERTS = '/etc/npm-certificates.pem';
    }
    this.#environment.npm_config_registry = configured('registry');
  }
}

function npmPath() {
  return must('sh', ['-c', 'readlink -f "$(command -v npm)"']).trim();
}

function debootstrap(suite, directory) {
  console.error(`test:packages: debootstrap ${suite} …`);
  const partial = `${directory}.${process.pid}`;
  must('debootstrap', ['--variant=minbase', suite, partial, debianMirror()]);
  // Packages that were installed are not needed twice.
  rmSync(join(partial, 'var/cache/apt/archives'), { recursive: true, force: true });
  renameSync(partial, directory);
}
