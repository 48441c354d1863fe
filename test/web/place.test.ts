// SPDX-License-Identifier: Apache-2.0
import { type Place, placeOf } from '../../src/web/server/place.ts';

const ID = '4bb24efc9641afc5ded1ca77eabb6e2fcf062d2112ccd61bd8bd6acd89180bae';
const POD = '6f1c2a30-2222-4aaa-8bbb-000000000002';

const labels = (path: string, place?: Place): string[] =>
  placeOf(path, place).levels.map(({ label }) => label);

describe('the place of a cgroup', () => {
  it('is a pod and a container in Kubernetes, by their names where they are known', () => {
    const path = `/kubepods/besteffort/pod${POD}/${ID}`;
    const place = { container_id: ID, pod_uid: POD };
    expect(labels(path, place)).toEqual(['kubernetes', 'pod 6f1c2a30', '4bb24efc9641']);
    const names = { k8sNamespace: 'shop', k8sPod: 'cart-7d9f', k8sContainer: 'web' };
    expect(labels(path, { ...place, names })).toEqual(['kubernetes', 'shop', 'cart-7d9f', 'web']);
    expect(placeOf(path, { ...place, names })).toMatchObject({
      owner: 3,
      title: 'cart-7d9f/web',
      container: ID,
    });
  });

  it('is the same pod whichever driver made its cgroup', () => {
    const slice = `/kubepods.slice/kubepods-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${ID}.scope`;
    expect(labels(slice, { container_id: ID, pod_uid: POD })).toEqual([
      'kubernetes',
      'pod 6f1c2a30',
      '4bb24efc9641',
    ]);
  });

  it('ends at the container, whatever is within it', () => {
    const path = `/docker/${ID}`;
    const place = { container_id: ID, container_runtime: 'docker' };
    expect(labels(`${path}/init.scope/a`, place)).toEqual(['docker', '4bb24efc9641']);
    expect(placeOf(`${path}/init.scope`, place).levels.at(-1)!.key).toBe(path);
    expect(labels(path, { ...place, names: { name: 'db' } })).toEqual(['docker', 'db']);
  });

  it('is owned by the unit outside of containers', () => {
    const path = '/system.slice/postgresql.service/worker';
    expect(placeOf(path, { unit: 'postgresql.service' })).toMatchObject({
      owner: 1,
      title: 'postgresql.service',
    });
    expect(placeOf(path)).toMatchObject({ owner: 2, title: 'worker' });
  });

  it('is readable: units are unescaped, ids short, control characters are none', () => {
    expect(labels('/system.slice/my\\x2dapp.service')).toEqual(['system.slice', 'my-app.service']);
    expect(labels(`/lxc/${ID}`)).toEqual(['lxc', '4bb24efc9641']);
    expect(labels('/a\u001b[31m')).toEqual(['a\\u001b[31m']);
  });

  it('has a name where there is no path', () => {
    expect(labels('/')).toEqual(['kernel and root']);
    expect(labels('(other)')).toEqual(['(other)']);
  });

  it('is bounded in depth', () => {
    expect(labels('/a'.repeat(100))).toHaveLength(8);
  });
});
