// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './support/temporary.ts';

const ROOT = join(__dirname, '..');

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(packages).filter(([path]) => path !== '');

/** The command of binding.gyp that compiles the BPF program, with its placeholders as they are there. */
function bpfCommand(): string[] {
  // What gyp reads is a literal of Python.
  const script = `import ast, json
targets = ast.literal_eval(open('binding.gyp').read())['targets']
actions = {a['action_name']: a['action'] for t in targets for a in t.get('actions', [])}
print(json.dumps(actions['compile']))`;
  return JSON.parse(execFileSync('python3', ['-c', script], { cwd: ROOT, encoding: 'utf8' })) as string[];
}

describe('what the package is made of', () => {
  it('has a BPF object of the same bytes wherever it is compiled', () => {
    const objects = ['a', 'a longer/path'].map((name) => {
      const directory = join(temporaryDirectory(), name);
      mkdirSync(directory, { recursive: true });
      cpSync(join(ROOT, 'bpf'), join(directory, 'bpf'), { recursive: true });
      const [compiler, ...args] = bpfCommand().map((argument) =>
        argument.replace('<(module_root_dir)', directory).replace('<@(_outputs)', 'energy.bpf.o'),
      );
      execFileSync(compiler!, args, { cwd: directory });
      return readFileSync(join(directory, 'energy.bpf.o'));
    });
    expect(objects[0]!.length).toBeGreaterThan(10_000);
    expect(objects[0]!.equals(objects[1]!)).toBe(true);
  });

  it('is locked by version and content, for every Linux, also with musl', () => {
    expect(locked.filter(([, { version, integrity }]) => !version || !integrity)).toEqual([]);
    const paths = new Set(locked.map(([path]) => path.replace(/^.*node_modules\//, '')));
    const builds = locked
      .flatMap(([, { optionalDependencies = {} }]) => Object.keys(optionalDependencies))
      .filter((name) => name.includes('linux'));
    expect(builds.some((name) => name.endsWith('musl'))).toBe(true);
    expect(builds.filter((name) => !paths.has(name))).toEqual([]);
  });

  it('is listed with its licences, which allow what ours does', () => {
    const bom = JSON.parse(
      execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, encoding: 'utf8' }),
    ) as {
      readonly bomFormat: string;
      readonly components: readonly {
        readonly name: string;
        readonly licenses?: readonly { readonly license: { readonly id: string } }[];
      }[];
    };
    expect(bom.bomFormat).toBe('CycloneDX');
    const names = bom.components.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['valibot', 'yaml', 'bcryptjs', '@opentelemetry/sdk-metrics']),
    );
    // What only builds and tests is not passed on.
    expect(names).not.toContain('jest');
    const licences = new Set(
      bom.components.map(({ licenses }) => licenses?.map(({ license }) => license.id).join(' AND ')),
    );
    const allowed = new Set(['Apache-2.0', 'MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD']);
    expect([...licences].filter((licence) => !allowed.has(licence ?? ''))).toEqual([]);
  });
});
