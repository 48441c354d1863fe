// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const ROOT = join(__dirname, '../..');
const DOCKER = join(ROOT, 'deploy/docker');

/** Instructions with their lines joined. */
const instructions = readFileSync(join(DOCKER, 'Dockerfile'), 'utf8')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => /^(\S+)\s+(.*)$/.exec(line)!.slice(1) as [string, string]);
const all = (name: string): string[] => instructions.filter(([one]) => one === name).map(([, rest]) => rest);

describe('the image', () => {
  it('is built on versions that are named, in stages, and ends as a user of no account', () => {
    expect(all('FROM').length).toBeGreaterThan(1);
    for (const image of all('FROM')) expect(image).toMatch(/^\w+:(\d|\w+-slim)[\w.-]*/);
    const [last] = instructions.filter(([name]) => name === 'USER').slice(-1);
    expect(last![1]).toMatch(/^[1-9]\d+:[1-9]\d+$/);
    const end = instructions.findLastIndex(([name]) => name === 'FROM');
    const final = instructions.slice(end).map(([name]) => name);
    // Nothing is installed, and nothing runs, in what is passed on.
    expect(final).not.toContain('RUN');
    expect(all('ADD')).toEqual([]);
  });

  it('is built with no recommended packages', () => {
    const installing = all('RUN').filter((line) => line.includes('apt-get install'));
    expect(installing.length).toBeGreaterThan(0);
    for (const line of installing) expect(line).toMatch(/--no-install-recommends/);
  });

  it('runs Node with the flags that bin/joules has, by exec', () => {
    const choice = /^':' \/\/; (.*); exec node/m.exec(readFileSync(join(ROOT, 'bin/joules'), 'utf8'))![1]!;
    expect(readFileSync(join(DOCKER, 'joules'), 'utf8')).toContain(
      `${choice}\nexec /usr/lib/joules/bin/node $flags /usr/lib/joules/bin/joules "$@"`,
    );
    for (const form of [...all('ENTRYPOINT'), ...all('CMD')]) expect(JSON.parse(form)).toBeInstanceOf(Array);
  });

  it('is run by compose with two capabilities, and can write to the directory of its sockets alone', () => {
    const { services } = parse(readFileSync(join(DOCKER, 'compose.yaml'), 'utf8')) as {
      readonly services: Record<string, Record<string, unknown>>;
    };
    expect(services['joules']).toMatchObject({
      cap_drop: ['ALL'],
      cap_add: ['BPF', 'PERFMON'],
      read_only: true,
      pid: 'host',
      volumes: ['/proc:/host/proc:ro', '/sys:/host/sys:ro', '/run/joules:/run/joules'],
    });
  });
});
