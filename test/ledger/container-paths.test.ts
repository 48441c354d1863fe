// SPDX-License-Identifier: Apache-2.0
import { ContainerPaths } from '../../src/ledger/container-paths.ts';

const only = (...there: string[]) => ({ cgroup: (path: string) => there.includes(path) });

describe('the cgroups of a container', () => {
  it('are gone when the last of them is', () => {
    const paths = new ContainerPaths();
    for (const path of ['/c', '/c/a', '/c/b']) paths.add('c', path);
    expect(paths.areAllGone('c', only('/c/b'))).toBe(false);
    expect(paths.areAllGone('c', only())).toBe(true);
  });

  it('are not gone where none is known, or all have been dropped', () => {
    const paths = new ContainerPaths();
    expect(paths.areAllGone('c', only())).toBe(false);
    paths.add('c', '/c');
    paths.add('d', '/d');
    paths.keep(new Set(['d']));
    expect(paths.areAllGone('c', only())).toBe(false);
    expect(paths.areAllGone('d', only())).toBe(true);
  });

  it('are remembered up to 64, those that were charged last', () => {
    const paths = new ContainerPaths();
    for (let i = 0; i < 64; i++) paths.add('c', `/${i}`);
    expect(paths.areAllGone('c', only('/0'))).toBe(false);
    paths.add('c', '/0');
    paths.add('c', '/64');
    expect(paths.areAllGone('c', only('/0'))).toBe(false);
    const again = new ContainerPaths();
    for (let i = 0; i <= 64; i++) again.add('c', `/${i}`);
    expect(again.areAllGone('c', only('/0'))).toBe(true);
  });
});
