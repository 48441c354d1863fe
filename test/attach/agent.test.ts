// SPDX-License-Identifier: Apache-2.0
import Ajv from 'ajv/dist/2020.js';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { attempt } from '../../src/util/files.ts';
import {
  linesOf,
  openDirectory,
  peer,
  printedOf,
  PYTHON,
  run,
  startAgent,
  describeWithPeers,
} from '../support/attached.ts';
import { printed, type Running } from '../support/joules.ts';
import { describeOnKernel, Load, waitFor } from '../support/kernel.ts';
import { asNobody } from '../support/privileges.ts';

jest.setTimeout(600_000);

const FIRST_USER = 61_000;

describeWithPeers("the agent's socket", () => {
  const directory = openDirectory();
  const socket = join(directory, 'attach.sock');
  const whole = join(directory, 'attach-all.sock');
  const nobody = ['setpriv', ...asNobody()];
  let agent: Running;

  beforeAll(async () => {
    agent = await startAgent(directory);
  });
  afterAll(async () => {
    await agent?.stop('SIGTERM');
  });

  /** Holds what a peer was told against what the agent itself has printed. */
  async function expectSame(lines: Awaited<ReturnType<typeof linesOf>>): Promise<void> {
    const [greeting, ...answers] = lines;
    const readings = answers.map(({ reading }) => reading!);
    const last = readings.at(-1)!;
    await waitFor('what it has printed', () =>
      printed(agent).some(({ time }) => time >= last.time) ? true : undefined,
    );
    for (const { process, time } of readings) {
      const itself = printedOf(printed(agent), greeting!.pid!, { since: process.since, time });
      expect(process.pid).toBe(greeting!.pid);
      expect(Math.abs(process.energy_j - itself.joules)).toBeLessThanOrEqual(1e-6 * itself.joules);
      expect(Math.abs(process.cpu_time_s - itself.seconds)).toBeLessThanOrEqual(1e-6 * itself.seconds);
    }
    expect(last.process.energy_j).toBeGreaterThan(0);
  }

  it('is for everybody, and the one of the whole machine for its group', () => {
    expect(statSync(socket).mode & 0o777).toBe(0o666);
    expect(statSync(whole).mode & 0o777).toBe(0o660);
  });

  it('tells a process of another user what the agent itself has found that it used', async () => {
    await expectSame(await linesOf([...nobody, ...peer(socket, 'follow', 'self', 4)]));
  });

  it('tells it to a process in pid, user and network namespaces of its own, by the pid that the agent sees', async () => {
    const own = ['unshare', '--user', '--map-root-user', '--pid', '--net', '--fork'];
    const lines = await linesOf([...own, ...peer(socket, 'follow', 'self', 3)]);
    expect(lines[0]!.pid).toBeGreaterThan(1);
    await expectSame(lines);
  });

  it('tells a process that executes another program the same sum', async () => {
    const [before, after] = await linesOf([...nobody, ...peer(socket, 'execute')]);
    expect(after!.reading!.process).toMatchObject({
      pid: before!.reading!.process.pid,
      since: before!.reading!.process.since,
    });
    expect(after!.reading!.process.energy_j).toBeGreaterThan(before!.reading!.process.energy_j);
  });

  it('tells nothing more once the process has become another user', async () => {
    const [before, after] = await linesOf(peer(socket, 'setuid'));
    expect(before!.reading).toBeDefined();
    expect(after!.error?.code).toBe('changed');
  });

  it('does not take a process for one whose pid it has now', async () => {
    const [{ was, is, answer } = {} as never] = await linesOf(peer(socket, 'reuse'));
    expect(is).toBe(was);
    expect(answer).toMatchObject({ error: { code: 'changed' } });
  });

  it('tells nobody what another process uses, or the machine, whatever is asked', async () => {
    await using load = new Load();
    const others = [load.spin(), process.pid, agent.child.pid!, 1];
    // Each user has 8 connections, each of which is answered 50 times a second.
    const seen = await Promise.all(
      Array.from({ length: 32 }, (_, seed) => {
        const user = String(FIRST_USER + (seed % 4));
        const other = ['setpriv', '--reuid', user, '--regid', user, '--clear-groups'];
        return linesOf([...other, ...peer(socket, 'fuzz', 313, seed, ...others)]);
      }),
    );
    for (const [one] of seen) {
      const { pid, pids, intervals, codes } = one as unknown as {
        pid: number;
        pids: Record<string, number>;
        intervals: number;
        codes: Record<string, number>;
      };
      expect(Object.keys(pids)).toEqual([String(pid)]);
      expect(intervals).toBe(0);
      // It was understood, refused, and not understood.
      expect(codes).toMatchObject({ forbidden: expect.any(Number), bad_request: expect.any(Number) });
    }
  });

  it('is asked by the program of the documentation, as another user', async () => {
    const program = documented('python').replace('/run/joules/attach.sock', socket);
    const { stdout, stderr } = await run([...nobody, PYTHON, '-c', program]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^(?:\d+\.\d{3} J in \d+\.\d{3} s of CPU since \d{4}-\S+\n){3}$/);
  });

  it('refuses whole intervals to everybody, and gives them to the group', async () => {
    const [greeting, answer] = await linesOf([...nobody, ...peer(socket, 'follow', 'all', 1)]);
    expect(greeting!.scopes).toEqual(['self', 'container']);
    expect(answer!.error?.code).toBe('forbidden');
    await expect(linesOf([...nobody, ...peer(whole, 'follow', 'self', 1)])).rejects.toThrow(
      'PermissionError',
    );
    const [, first, second] = await linesOf(peer(whole, 'follow', 'all', 2));
    const seqs = [first, second].map((line) => (line!['interval'] as { seq: number }).seq);
    expect(seqs[1]).toBe(seqs[0]! + 1);
    const { snapshot } = first!['interval'] as { snapshot: { time: string } };
    expect(printed(agent).map(({ time }) => time)).toContain(snapshot.time);
  });

  it('says what the schema of the documentation says, which takes no line that lacks something', async () => {
    const lines = await Promise.all([
      linesOf([...nobody, ...peer(socket, 'follow', 'self', 2)]),
      linesOf([...nobody, ...peer(socket, 'follow', 'container', 1)]),
      linesOf([...nobody, ...peer(socket, 'follow', 'nothing', 1)]),
      linesOf(peer(whole, 'follow', 'all', 1)),
    ]);
    const isSaid = new Ajv({ validateFormats: false, strictTypes: false }).compile(
      JSON.parse(documented('json')) as object,
    );
    for (const line of lines.flat()) {
      isSaid(line);
      expect(isSaid.errors).toBeNull();
      for (const name of Object.keys(line)) expect(isSaid({ ...line, [name]: undefined })).toBe(false);
    }
  });

  it('gives them to no root of a container, who may be the root that the file is of', async () => {
    const own = ['unshare', '--pid', '--net', '--fork'];
    const [[greeting, all], itself] = await Promise.all([
      linesOf([...own, ...peer(whole, 'follow', 'all', 1)]),
      linesOf([...own, ...peer(whole, 'follow', 'self', 3)]),
    ]);
    expect(greeting!.scopes).toEqual(['self', 'container']);
    expect(all!.error?.code).toBe('forbidden');
    expect(itself.at(-1)!.reading!.process.energy_j).toBeGreaterThan(0);
  });

  it('tells a process what its container uses, also where that is root, and one outside of any that it is in none', async () => {
    const id = 'cd'.repeat(32);
    const path = join(findHierarchy('/proc', '/').mount!, `docker-${id}.scope`);
    mkdirSync(path);
    try {
      const enter = ['sh', '-c', `echo $$ >${path}/cgroup.procs; exec "$@"`, 'sh'];
      const own = ['unshare', '--pid', '--net', '--cgroup', '--fork'];
      const [[, answer], [, outside]] = await Promise.all([
        linesOf([...enter, ...own, ...peer(socket, 'follow', 'container', 1)]),
        linesOf([...nobody, ...peer(socket, 'follow', 'container', 1)]),
        linesOf([
          ...enter,
          PYTHON,
          '-c',
          'import time\nend = time.time() + 3\nwhile time.time() < end: pass',
        ]),
      ]);
      const { process, container } = answer!.reading!;
      expect(container!.id).toBe(id);
      // Another process of it ran as well.
      expect(container!.energy_j).toBeGreaterThan(process.energy_j);
      expect(outside!.error?.code).toBe('no_container');
    } finally {
      await removed(path);
    }
  });
});

/** What the documentation of the protocol has in a language. */
function documented(language: string): string {
  const text = readFileSync(join(__dirname, '../../docs/attach.md'), 'utf8');
  return new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(text)![1]!;
}

/** Removes a cgroup, which those that ended last may still be leaving. */
async function removed(path: string): Promise<void> {
  await waitFor('the end of a cgroup', () => {
    if (existsSync(path)) attempt(() => rmdirSync(path));
    return existsSync(path) ? undefined : true;
  });
}

describeOnKernel('an agent that can make no sockets', () => {
  it('says so in one line, and measures', async () => {
    const directory = openDirectory();
    writeFileSync(join(directory, 'file'), '');
    await using agent = await startAgent(join(directory, 'file/below'));
    await waitFor('another interval', () => (printed(agent).length > 1 ? true : undefined));
    const said = agent.output().stderr.match(/no program can attach.*/g);
    expect(said).toEqual([
      expect.stringMatching(/\(ENOTDIR\): give --socket-dir another directory, or none$/),
    ]);
    expect((await agent.stop('SIGTERM')).status).toBe(0);
  });

  it('says nothing where none are wanted', async () => {
    await using agent = await startAgent('none');
    expect(agent.output().stderr).not.toMatch(/attach/);
    expect((await agent.stop('SIGTERM')).status).toBe(0);
  });
});
