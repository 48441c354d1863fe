// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describeOnKernel } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ROOT = join(__dirname, '../..');
const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];

/** What binding.gyp makes the probe of, but for what is JavaScript's. */
function probeSources(): string[] {
  const [, list] = /'target_name': 'probe',[^]*?'sources': \[([^\]]*)\]/.exec(
    readFileSync(join(ROOT, 'binding.gyp'), 'utf8'),
  )!;
  return [...list!.matchAll(/'([^']+)'/g)].map(([, path]) => path!);
}

describeOnKernel('the native part under AddressSanitizer and UndefinedBehaviorSanitizer', () => {
  let directory: string;
  const compile = (...more: readonly string[]): void => {
    const includes = ['bpf', 'native', 'build/Release/obj/gen/bpf'].map((path) => `-I${join(ROOT, path)}`);
    execFileSync('g++', ['-std=c++17', '-g', ...SANITIZERS, ...includes, ...more], { cwd: directory });
  };
  beforeAll(() => {
    directory = temporaryDirectory();
    compile('-c', ...probeSources().map((path) => join(ROOT, path)));
  }, 1_800_000);

  it.each([
    ['faults', ['drain'], []],
    ['interval', [], ['-Wl,--wrap=bpf_prog_test_run_opts']],
  ] as const)('measures, fails and closes without a word of theirs (%s)', (name, args, more) => {
    const program = join(directory, name);
    const objects = probeSources().map((path) => basename(path).replace('.cc', '.o'));
    const source = join(ROOT, `test/native/${name}.cc`);
    compile(source, ...objects, ...more, '-o', program, '-l:libbpf.a', '-lelf', '-lz');
    const environment = { ...process.env, ASAN_OPTIONS: 'detect_stack_use_after_return=1' };
    const { status, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8', env: environment });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as unknown[]).length).toBeGreaterThanOrEqual(3);
  });
});
