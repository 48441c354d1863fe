// SPDX-License-Identifier: Apache-2.0
import { ownerOf } from '../../src/identity/owner.ts';
import rows from '../fixtures/cgroup-owners/owners.json';

test.each(rows)('the owner of a cgroup is told by its path: $name', ({ path, owner }) => {
  const [type, name, part] = owner ?? [];
  expect(ownerOf(path)).toEqual(owner && { type, name, part });
});

const USERS = '/user.slice/user-1000.slice/user@1000.service/app.slice';

describe('a user cannot name a cgroup of theirs', () => {
  test.each([
    ['a job', `${USERS}/system.slice/slurmstepd.scope/job_211`],
    ['a job by a unit', `${USERS}/slurmstepd.scope/job_211/step_0`],
    ['an allocation', `${USERS}/nomad.slice/4744f0ea-7616-ab3a-a420-8e25056e3861.web.scope`],
    ['a virtual machine', `${USERS}/machine-qemu\\x2d2\\x2dweb.scope`],
    ['a service of the machine', `${USERS}/ssh.service`],
    ['another user', `${USERS}/user.slice/user-0.slice/session-1.scope`],
  ])('like %s', (_what, path) => {
    expect(ownerOf(path)).toMatchObject({ type: 'user', name: '1000' });
  });
});

describe('no owner is made of', () => {
  test.each([
    ['a job below a container', `/docker/${'0'.repeat(64)}/slurm/uid_0/job_1`],
    ['a job without an id', '/slurm/uid_0/job_'],
    ['what only begins like a service', '/system.slice/a.service.d'],
    ['a line that goes on', '/system.slice/a.service\n'],
    ['what is no path', '(other)'],
    ['nothing', ''],
  ])('%s', (_what, path) => {
    expect(ownerOf(path)).toBeNull();
  });
});

// 256 times the longest path there is. What is not linear in it would not end while anybody waits.
test.each([
  '/slurm_',
  '/a.slice',
  '/system.slice/a_slurmstepd.scope',
  '/htcondor/condor_slot1_',
  '_slot1',
  'a.service',
  '-1.scope',
  '/snap.a.b-',
  '\\x2d',
])('1 MiB of %j is read to its end', (part) => {
  const many = part.repeat(2 ** 20 / part.length);
  for (const start of [
    '',
    '/',
    '/htcondor/condor_',
    '/system.slice/',
    `${USERS}/app-flatpak-`,
    `${USERS}/snap.a.`,
  ])
    expect(typeof ownerOf(`${start}${many}!`)).toBe('object');
});
