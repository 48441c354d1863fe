// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { cluster, faultsOf, type Manifest, manifestsOf, run } from '../support/cluster.ts';
import { describeWith } from '../support/installed.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const DEPLOY = join(__dirname, '../../deploy');
const CHART = join(DEPLOY, 'helm/joules');
const COMPONENTS = ['podmonitor', 'names', 'kubelet', 'collector'];

interface PodSpec {
  readonly hostPID: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
  readonly containers: readonly {
    readonly command?: readonly string[];
    readonly args: readonly string[];
    readonly env: readonly { readonly name: string; readonly value?: string }[];
    readonly resources: { readonly requests: object; readonly limits: object };
    readonly volumeMounts: readonly { readonly name: string; readonly readOnly?: boolean }[];
    readonly securityContext: {
      readonly allowPrivilegeEscalation: boolean;
      readonly readOnlyRootFilesystem: boolean;
      readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
    };
  }[];
}

function podOf(manifests: readonly Manifest[]): PodSpec {
  const set = manifests.find(({ kind }) => kind === 'DaemonSet');
  return (set!.spec as { template: { spec: PodSpec } }).template.spec;
}

/** The base with components, as a user's own kustomization has them. */
function kustomize(...components: string[]): Manifest[] {
  const directory = temporaryDirectory();
  const from = (name: string): string => relative(directory, join(DEPLOY, 'kubernetes', name));
  const text = { resources: [from('base')], components: components.map(from) };
  writeFileSync(join(directory, 'kustomization.yaml'), JSON.stringify(text));
  return manifestsOf(run('kubectl', 'kustomize', directory));
}

const helm = (...values: string[]): Manifest[] =>
  manifestsOf(run('helm', 'template', 'joules', CHART, ...values.flatMap((value) => ['--set', value])));

function expectLeast(pod: PodSpec): void {
  const [container] = pod.containers;
  expect(pod.hostPID).toBe(true);
  expect(container!.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], add: ['BPF', 'PERFMON', 'SYS_PTRACE'] },
  });
  expect(container!.resources).toEqual({
    requests: { cpu: '20m', memory: '128Mi' },
    limits: { memory: '384Mi' },
  });
  const named = pod.volumes.flatMap(({ name, hostPath }) => (hostPath ? [name] : []));
  const ofHost = new Set(named);
  const written = container!.volumeMounts.filter(({ readOnly }) => readOnly !== true).map(({ name }) => name);
  expect(written.filter((name) => ofHost.has(name))).toEqual(['attach']);
}

const hostPaths = (pod: PodSpec): string[] =>
  pod.volumes.flatMap(({ hostPath }) => (hostPath ? [hostPath.path] : []));

describeWith('the manifests of Kubernetes', cluster, () => {
  it('are what the API knows, with each component and with all of them', () => {
    const all = [[], ...COMPONENTS.map((name) => [name]), COMPONENTS, COMPONENTS.toReversed()];
    expect(faultsOf(all.flatMap((components) => kustomize(...components)))).toBe('');
  });

  it('would be refused with a field that the API does not know, or a wrong value', () => {
    const manifest = kustomize().find(({ kind }) => kind === 'DaemonSet');
    const with_ = (more: object): Manifest => ({
      ...manifest!,
      spec: { ...(manifest!.spec as object), ...more },
    });
    expect(faultsOf([with_({ updateStratgy: {} })])).toMatch(/updateStratgy/);
    expect(faultsOf([with_({ minReadySeconds: 'soon' })])).toMatch(/minReadySeconds/);
  });

  it('grant no more than what is measured with', () => {
    const manifests = kustomize();
    expectLeast(podOf(manifests));
    expect(hostPaths(podOf(manifests))).toEqual(['/proc', '/sys', '/run/joules']);
    expect(podOf(manifests).automountServiceAccountToken).toBe(false);
    expect(manifests.map(({ kind }) => kind).toSorted()).toEqual([
      'DaemonSet',
      'Namespace',
      'ServiceAccount',
    ]);
  });

  it.each([[['names', 'kubelet']], [['kubelet', 'names']]])(
    'lose nothing of each other: %j',
    (components) => {
      const pod = podOf(kustomize(...components));
      const [{ command, args, volumeMounts }] = pod.containers as [PodSpec['containers'][number]];
      expect(args).toEqual(['agent', '--root', '/host', '--listen', '0.0.0.0:9464', '--names']);
      expect(volumeMounts.map(({ name }) => name)).toEqual(expect.arrayContaining(['run', 'lib', 'tmp']));
      // What a shell makes of it, where `joules` prints its arguments and the file that it is given.
      const bin = temporaryDirectory();
      const says = '#!/bin/sh\nprintf "%s\\n" "$@"\nwhile [ $# -gt 1 ]; do shift; done; cat "$1"\n';
      writeFileSync(join(bin, 'joules'), says, { mode: 0o755 });
      const inOurs = command!.map((part) => part.replaceAll('/tmp/', `${bin}/`));
      const env = { PATH: `${bin}:/usr/bin:/bin`, K8S_NODE_NAME: 'node-1' };
      const [shell, ...rest] = inOurs as [string, ...string[]];
      const said = execFileSync(shell, [...rest, ...args], { env, encoding: 'utf8' });
      expect(said).toBe(
        `${[...args, '--config', `${bin}/agent.yaml`].join('\n')}\n` +
          'kubelet:\n  url: https://node-1:10250\n' +
          '  token_file: /var/run/secrets/kubernetes.io/serviceaccount/token\n  ca_file: /etc/kubelet.crt\n',
      );
    },
  );

  it('grant nodes/proxy only to ask the kubelet', () => {
    for (const name of COMPONENTS)
      expect(JSON.stringify(kustomize(name)).includes('nodes/proxy')).toBe(name === 'kubelet');
    expect(JSON.stringify(helm()).includes('nodes/proxy')).toBe(false);
    const asking = helm('names.kubelet.enabled=true');
    expect(JSON.stringify(asking).includes('nodes/proxy')).toBe(true);
    expect(podOf(asking).automountServiceAccountToken).toBe(true);
  });
});

describeWith('the chart', cluster, () => {
  const EVERYTHING = [
    'prometheus.podMonitor.enabled=true',
    'prometheus.networkPolicy.enabled=true',
    'prometheus.networkPolicy.from[0].podSelector.matchLabels.app=prometheus',
    'names.kubelet.enabled=true',
    'names.runtimes.enabled=true',
    'otlp.endpoint=http://$(NODE_IP):4318',
    'priorityClassName=system-node-critical',
    'imagePullSecrets[0].name=secret',
    'podAnnotations.a=b',
    'paranoid=true',
    'env[0].name=OTEL_SERVICE_NAME',
    'env[0].value=x',
    'options[0]=--source=power',
  ];

  it('is well-formed', () => {
    expect(run('helm', 'lint', '--strict', CHART)).toMatch(/0 chart\(s\) failed/);
    const { version } = JSON.parse(readFileSync(join(DEPLOY, '../package.json'), 'utf8')) as {
      version: string;
    };
    const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as { appVersion: string };
    expect(chart.appVersion).toBe(version);
  });

  it('makes what the API knows, as it is and with everything switched on', () => {
    expect(faultsOf(helm())).toBe('');
    const manifests = helm(...EVERYTHING);
    expect(manifests.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['PodMonitor', 'NetworkPolicy', 'ClusterRole']),
    );
    expect(faultsOf(manifests)).toBe('');
    expect(podOf(manifests).containers[0]!.securityContext.capabilities.add).toContain('SYS_ADMIN');
  });

  it('makes by default the same pod as the manifests', () => {
    const [chart, plain] = [podOf(helm()), podOf(kustomize())];
    expectLeast(chart);
    expect(hostPaths(chart)).toEqual(hostPaths(plain));
    expect(chart.containers[0]!.args).toEqual(plain.containers[0]!.args);
    const { securityContext } = plain.containers[0]!;
    expect(chart.containers[0]!.securityContext).toEqual(securityContext);
  });

  it('refuses what would publish nothing, or to everybody', () => {
    expect(() => helm('prometheus.enabled=false')).toThrow(/nothing is published/);
    expect(() => helm('prometheus.networkPolicy.enabled=true')).toThrow(/who may scrape/);
  });
});
