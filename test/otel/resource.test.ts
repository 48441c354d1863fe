// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attributes } from '@opentelemetry/api';
import { describeAgent, type ResourceOptions } from '../../src/otel/resource.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('the resource', () => {
  let procRoot: string;
  let lines: string[];
  const inherited = process.env;

  beforeEach(() => {
    procRoot = temporaryDirectory();
    lines = [];
    // The SDK's detector reads the environment of the process.
    process.env = Object.fromEntries(Object.entries(inherited).filter(([name]) => !name.startsWith('OTEL_')));
  });
  afterEach(() => {
    process.env = inherited;
  });

  const describeIt = async (options: Partial<ResourceOptions> = {}): Promise<Attributes> => {
    Object.assign(process.env, options.env);
    const log = (line: string): unknown => lines.push(line);
    return (await describeAgent({ log, procRoot, ...options, env: process.env })).attributes;
  };
  const boot = (id: string): void => {
    mkdirSync(join(procRoot, 'sys/kernel/random'), { recursive: true });
    writeFileSync(join(procRoot, 'sys/kernel/random/boot_id'), `${id}\n`);
  };
  const instanceOf = async (attributes: Attributes, env: NodeJS.ProcessEnv = {}): Promise<unknown> =>
    (await describeIt({ attributes, env }))['service.instance.id'];

  it('says what, which version and where', async () => {
    expect(await describeIt({ attributes: { 'host.id': 'a' } })).toMatchObject({
      'service.name': 'otel-ebpf-energy',
      'service.version': require('../../package.json').version,
      'service.instance.id': expect.stringMatching(
        /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      ),
      'host.name': require('node:os').hostname(),
      'host.id': 'a',
      'host.arch': expect.any(String),
      'os.type': 'linux',
    });
    expect(lines).toEqual([]);
  });

  it('has the same instance id at every start, another on every host and for every service', async () => {
    const id = await instanceOf({ 'host.id': 'a' });
    expect(await instanceOf({ 'host.id': 'a' })).toBe(id);
    const others = [
      await instanceOf({ 'host.id': 'b' }),
      await instanceOf({ 'host.id': 'a', 'service.name': 'x' }),
      // In a container the host id may be the image's.
      await instanceOf({ 'host.id': 'a' }, { K8S_NODE_NAME: 'node-1' }),
      await instanceOf({ 'host.id': 'a' }, { K8S_NODE_NAME: 'node-2' }),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
    // A machine id is confidential, and this is no way back to it.
    expect(id).not.toContain('a'.repeat(8));
  });

  it.each(['', 'uninitialized'])(
    'makes the instance id of the boot id where the host id is "%s", and says so',
    async (none) => {
      boot('11111111-2222-3333-4444-555555555555');
      const found = await describeIt({ attributes: { 'host.id': none } });
      expect(found).not.toHaveProperty(['host.id']);
      expect(lines).toEqual([expect.stringMatching(/^no host id \(\/etc\/machine-id\): .*boot id/)]);
      const id = found['service.instance.id'];
      expect(await instanceOf({ 'host.id': none })).toBe(id);
      boot('99999999-2222-3333-4444-555555555555');
      expect(await instanceOf({ 'host.id': none })).not.toBe(id);
    },
  );

  it('has no instance id where there is nothing to make it of, and says so', async () => {
    expect(await instanceOf({ 'host.id': '' })).toBeUndefined();
    expect(lines).toEqual([expect.stringContaining('service.instance.id is left out')]);
  });

  it('needs no host id where the node of a cluster is known', async () => {
    const id = await instanceOf({ 'host.id': '' }, { K8S_NODE_NAME: 'node-1' });
    expect(id).toEqual(expect.any(String));
    expect(lines).toEqual([]);
  });

  it.each([
    [{ K8S_NODE_NAME: 'a', KUBE_NODE_NAME: 'b' }, 'a'],
    [{ KUBE_NODE_NAME: ' b ' }, 'b'],
    [{ OTEL_RESOURCE_ATTRIBUTES_NODE_NAME: 'c' }, 'c'],
    [{ NODE_NAME: 'd', KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'd'],
    // Of a build server.
    [{ NODE_NAME: 'built-in' }, undefined],
    [{ K8S_NODE_NAME: '' }, undefined],
    [{ K8S_NODE_NAME: 'a', OTEL_RESOURCE_ATTRIBUTES: 'k8s.node.name=mine' }, 'mine'],
  ])('takes the name of the node from %j', async (env, name) => {
    const found = await describeIt({ attributes: { 'host.id': 'x' }, env });
    expect(found['k8s.node.name']).toBe(name);
  });

  it('leaves the last word to the user', async () => {
    const env = { OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=mine,host.id=h', OTEL_SERVICE_NAME: 'rack' };
    expect(
      await describeIt({ attributes: { 'service.name': 'overruled', 'os.type': 'plan9' }, env }),
    ).toMatchObject({
      'service.name': 'rack',
      'service.instance.id': 'mine',
      'host.id': 'h',
      'os.type': 'plan9',
    });
  });
});
