// SPDX-License-Identifier: Apache-2.0
// The native part as it is passed on: for each platform by one cross compiler, clang, and from the same BPF object.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { kilobytes, must, ROOT } from './run.mjs';
import { sysroot } from './sysroot.mjs';

/** By npm's name: Debian's architecture, the compiler's target, glibc's first version there, and what stands in for more. */
export const PLATFORMS = {
  'linux-x64-gnu': { cpu: 'x64', debian: 'amd64', target: 'x86_64-linux-gnu', first: '2.2.5', also: [] },
  'linux-arm64-gnu': {
    cpu: 'arm64',
    debian: 'arm64',
    target: 'aarch64-linux-gnu',
    first: '2.17',
    also: ['atomics_arm64.c'],
  },
};

/** The newest glibc whose symbols may be asked for: what Node 22 asks for as well. */
export const GLIBC = '2.28';
/** Functions that got a new version in 2.29 (errno is not set in it), and are bound to their first. */
const REBOUND = ['exp', 'exp2', 'log', 'log2', 'pow'];
const SAFE = ['-fstack-protector-strong', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'];
const LINKED = ['-Wl,--gc-sections', '-Wl,-s', '-Wl,-z,relro,-z,now', '-Wl,-z,noexecstack'];

/** Builds energy.node and joules-load of a platform into `directory`, with `bpf` as makeBpf left it. */
export function makeNative(platform, bpf, directory) {
  const { debian, target, first, also } = PLATFORMS[platform];
  const { libc, libraries } = sysroot(debian);
  mkdirSync(join(directory, 'objects'), { recursive: true });
  const floor = join(directory, 'floor.h');
  writeFileSync(
    floor,
    REBOUND.map((name) => `__asm__(".symver ${name},${name}@GLIBC_${first}");\n`).join(''),
  );
  const from = [`--target=${target}`, `--sysroot=${libc}`, `--gcc-toolchain=${join(libc, 'usr')}`];
  const { addon, load, defines } = targets();
  const system = ['usr/include', `usr/include/${target}`].flatMap((path) => [
    '-isystem',
    join(libraries, path),
  ]);
  const include = [...[nodeHeaders(), nodeAddonApi(), 'bpf', bpf].flatMap((path) => ['-I', path]), ...system];
  const shared = ['-O3', '-fPIC', '-pthread', '-ffunction-sections', '-fdata-sections', ...SAFE];
  const flags = [...from, ...shared, '-include', floor, ...mapped([ROOT, libc, libraries, bpf])];
  const cxx = [...flags, '-std=c++17', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden', ...defines];
  const objects = compile(addon, [...cxx, ...include], join(directory, 'objects'));
  const standIns = ['elf_error.c', ...also].map((name) => {
    const object = join(directory, 'objects', `${basename(name, '.c')}.o`);
    const source = join(ROOT, 'deploy/packages', name);
    // Atomics within: out of line they would be a call of what this one stands in for.
    const inline = debian === 'arm64' ? ['-mno-outline-atomics'] : [];
    must('clang', [...from, ...shared, ...inline, '-fvisibility=hidden', '-c', source, '-o', object], {
      cwd: ROOT,
    });
    return object;
  });
  const link = [...from, '-fuse-ld=lld', '-pthread', '-static-libstdc++', '-static-libgcc', ...LINKED];
  const archives = ['bpf', 'elf', 'z'].map((name) => join(libraries, 'usr/lib', target, `lib${name}.a`));
  // As in binding.gyp: libbpf.a is no PIC for its `stderr` alone.
  const wrapped = ['stderr', 'btf__load_vmlinux_btf'].map((name) => `-Wl,--wrap=${name}`);
  const addonOnly = ['-shared', ...wrapped, '-Wl,--exclude-libs,ALL', '-Wl,-soname=energy.node'];
  const output = (name) => ['-o', join(directory, name)];
  must('clang++', [...link, ...addonOnly, ...output('energy.node'), ...objects, ...standIns, ...archives]);
  must('clang++', [...cxx, ...include, ...link, '-fPIE', '-pie', ...load, ...output('joules-load')], {
    cwd: ROOT,
  });
  for (const name of ['energy.node', 'joules-load'])
    console.error(`${platform}: ${name} ${kilobytes(statSync(join(directory, name)).size)}`);
}

/** Where it is built is not in what is built. */
function mapped(directories) {
  return directories.map((directory) => `-ffile-prefix-map=${directory}=.`);
}

/** Compiles on all CPUs; returns the objects, always in the same order. */
function compile(sources, flags, directory) {
  const response = join(directory, 'flags');
  writeFileSync(response, flags.map((flag) => `'${flag}'\n`).join(''));
  const outputs = sources.map((source) => join(directory, `${basename(source, '.cc')}.o`));
  const input = sources.map((source, index) => `${source} ${outputs[index]}\n`).join('');
  const script = `exec clang++ @${response} -c "$1" -o "$2"`;
  must('xargs', ['-n2', `-P${availableParallelism()}`, 'sh', '-c', script, 'sh'], { input, cwd: ROOT });
  return outputs;
}

/** Compiles the BPF program for both architectures, which must make no difference, and writes its skeleton. */
export function makeBpf(directory) {
  mkdirSync(directory, { recursive: true });
  const command = actionOf('compile');
  const objects = ['x86', 'arm64'].map((architecture) => {
    const object = join(directory, `${architecture}.o`);
    const [compiler, ...args] = command.map((word) =>
      word
        .replace('<(module_root_dir)', ROOT)
        .replace('<@(_outputs)', object)
        .replace('__TARGET_ARCH_x86', `__TARGET_ARCH_${architecture}`),
    );
    must(compiler, args, { cwd: ROOT });
    return object;
  });
  const [one, other] = objects.map((path) => readFileSync(path));
  if (!one.equals(other)) throw new Error('the BPF objects for x86 and arm64 differ');
  console.error(`BPF objects of x86 and arm64: identical, ${kilobytes(one.length)}`);
  // Linking drops what a debugger alone would read: half of it.
  must('bpftool', ['gen', 'object', 'energy.bpf.o', 'x86.o'], { cwd: directory });
  const skeleton = must('bpftool', ['gen', 'skeleton', 'energy.bpf.o', 'name', 'energy_bpf'], {
    cwd: directory,
  });
  writeFileSync(join(directory, 'energy.skel.h'), skeleton);
}

/** Sources and defines as binding.gyp has them, so that what is passed on is what is tested. */
function targets() {
  const [probe, energy, load] = ['probe', 'energy', 'joules-load'].map((name) =>
    binding().find(({ target_name: target }) => target === name),
  );
  const defines = [...energy.defines, 'BUILDING_NODE_EXTENSION'].map((define) => `-D${define}`);
  return { addon: [...probe.sources, ...energy.sources], load: load.sources, defines };
}

function actionOf(name) {
  const actions = binding().flatMap(({ actions: all = [] }) => all);
  return actions.find(({ action_name: action }) => action === name).action;
}

/** What gyp reads is a literal of Python. */
function binding() {
  const script =
    "import ast, json; print(json.dumps(ast.literal_eval(open('binding.gyp').read())['targets']))";
  return JSON.parse(must('python3', ['-c', script], { cwd: ROOT }));
}

/** Directory of this Node's headers; an Error if it has none. */
export function nodeHeaders() {
  const include = [dirname(dirname(process.execPath)), '/usr'].map((prefix) => join(prefix, 'include/node'));
  const found = include.find((path) => existsSync(join(path, 'node_api.h')));
  if (!found) throw new Error('this Node has no headers beside it (include/node): take one that brings them');
  return found;
}

function nodeAddonApi() {
  return dirname(createRequire(join(ROOT, 'package.json')).resolve('node-addon-api/package.json'));
}
