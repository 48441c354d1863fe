// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { faultsOf } from '../support/links.ts';

const ROOT = join(__dirname, '../..');
const EXAMPLE = join(ROOT, 'examples/requests');
const read = (name: string): string => readFileSync(join(EXAMPLE, name), 'utf8');

interface Service {
  readonly image: string;
  readonly network_mode: string;
  readonly user?: string;
  readonly cap_add?: readonly string[];
  readonly volumes?: readonly string[];
}

describe('the example of requests', () => {
  const { services } = parse(read('compose.yaml')) as { readonly services: Record<string, Service> };

  it('takes this package by its name and version', () => {
    const ours = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, string>;
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    expect(dependencies[ours['name']!]).toBe(`^${ours['version']}`);
  });

  it('has links that lead somewhere', () => {
    expect(faultsOf(ROOT, 'examples/requests/README.md')).toEqual([]);
  });

  it('runs images of versions that are named, with files that are there', () => {
    expect(Object.keys(services)).toEqual(['joules', 'service', 'collector', 'victoriametrics', 'grafana']);
    for (const { image, volumes = [] } of Object.values(services)) {
      expect(image).toMatch(/:v?\d+[\w.-]*$/);
      const own = volumes.filter((volume) => volume.startsWith('./'));
      for (const volume of own) expect(existsSync(join(EXAMPLE, volume.split(':')[0]!))).toBe(true);
    }
  });

  it('gives the agent alone capabilities, those that it has in deploy/docker', () => {
    const { services: deployed } = parse(readFileSync(join(ROOT, 'deploy/docker/compose.yaml'), 'utf8')) as {
      readonly services: Record<string, Service>;
    };
    const { image, cap_add, user } = deployed['joules']!;
    expect(services['joules']).toMatchObject({ image, cap_add });
    expect(services['joules']!.user).toBe(user);
    const others = Object.entries(services).filter(([name]) => name !== 'joules');
    expect(others.map(([, service]) => service.cap_add)).toEqual(others.map(() => undefined));
    expect(services['service']!.user).toMatch(/^[1-9]/);
  });
});
