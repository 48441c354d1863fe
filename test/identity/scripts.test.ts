// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootTimeMs, readStartTicks } from '../../src/host/procfs.ts';
import { createCommandLines } from '../../src/identity/command-lines.ts';
import { createProcesses, type Processes } from '../../src/identity/processes.ts';
import { isInterpreter, scriptOf } from '../../src/identity/scripts.ts';
import { LIFECYCLE } from '../../src/probe/columns.ts';
import { columnsOf, type LifecycleSpec } from '../support/columns.ts';
import { temporaryDirectory } from '../support/temporary.ts';

test.each<[string, string, string | null]>([
  ['python3.11', 'python3 /srv/jobs/train.py --token s3cret', 'train.py'],
  ['python3', 'python3 -u -X dev -W ignore train.py', 'train.py'],
  ['python3', '/usr/bin/python3 -m http.server 8000', 'http.server'],
  ['python3', 'python3 -mhttp.server s3cret', 'http.server'],
  ['python3', 'python3 - s3cret', null],
  ['python3', 'python3 -Ic import/os', null],
  ['python3', 'python3', null],
  ['pypy3', 'pypy3 a.py', 'a.py'],
  ['node', 'node --max-old-space-size=4096 -r ./secret.js server.mjs', 'server.mjs'],
  ['node', 'node --env-file s3cret server.mjs', 'server.mjs'],
  ['node', 'node --eval s3cret', null],
  ['node', 'node --print=s3cret', null],
  ['node', 'node -pe s3cret', null],
  ['java', 'java -Xmx1g -Dpassword=s3cret -cp a.jar:b.jar org.example.Main', 'org.example.Main'],
  ['java', 'java -jar /opt/app/app-1.2.jar --password s3cret', 'app-1.2.jar'],
  ['java', 'java @/etc/args', 'args'],
  ['java', 'java -mx512m org.example.Main', 'org.example.Main'],
  ['perl', 'perl -w -I lib bin/run', 'run'],
  ['perl', 'perl -ne s3cret', null],
  ['ruby', 'ruby -r json app.rb', 'app.rb'],
  ['php8.2', 'php8.2 -d x=1 -f a.php', 'a.php'],
  ['php8.2', 'php8.2 -fa.php s3cret', 'a.php'],
  ['bash', 'bash -e /usr/local/bin/nightly.sh', 'nightly.sh'],
  ['dash', 'sh -c s3cret', null],
  ['bash', 'bash -lc s3cret', null],
  ['ld-linux-x86-64.so.2', '/lib64/ld-linux-x86-64.so.2 --library-path /opt/lib /opt/bin/app s3cret', 'app'],
  ['ld-musl-x86_64.so.1', '/lib/ld-musl-x86_64.so.1 -- /opt/bin/app', 'app'],
  ['python3', 'python3 token=s3cret', null],
  ['python3', `python3 ${'x'.repeat(65)}`, null],
  ['python3', 'python3 dir/', null],
  ['sleep', 'sleep 7', null],
])('what %s runs, called %j, is %j', (program, line, script) => {
  expect(scriptOf(program, line.split(' '))).toBe(script);
  expect(isInterpreter(program)).toBe(program !== 'sleep');
});

describe('an interpreter', () => {
  let child: ChildProcess;
  const script = join(temporaryDirectory(), 'nightly-report.sh');

  beforeEach(async () => {
    writeFileSync(script, 'read line\nexec sleep 1000\n');
    child = spawn('sh', [script, 's3cret'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });

  function create(): Processes {
    const commandLines = createCommandLines({ proc: '/proc', log: () => {} });
    return createProcesses({ proc: '/proc', bootTimeMs: bootTimeMs('/proc'), hostProc: true, commandLines });
  }

  const nameOf = async (
    processes: Processes,
    options: { prepared?: boolean; comm?: string; events?: LifecycleSpec[] } = {},
  ): Promise<string> => {
    const { prepared = true, comm = 'sh', events: lifecycle = [] } = options;
    const pid = child.pid!;
    const startNs = readStartTicks('/proc', pid)! * 1e7 + 123;
    processes.beginInterval(columnsOf({ rows: [{ cpu: 0, pid, start: startNs, comm, ms: 1 }], lifecycle }));
    if (prepared) await processes.prepare();
    const { executable } = processes.identify(0);
    processes.endInterval();
    return executable;
  };

  it('is called by what it runs, and by nothing else that it was given', async () => {
    expect(await nameOf(create())).toMatch(/^\w+ nightly-report\.sh$/);
  });

  it('keeps the name that it has got, with a script or without, whatever it calls itself', async () => {
    const [early, late] = [create(), create()];
    const name = await nameOf(early);
    expect(await nameOf(early, { comm: 'worker' })).toBe(name);
    expect(await nameOf(late, { prepared: false })).toBe(name.split(' ')[0]);
    expect(await nameOf(late)).toBe(name.split(' ')[0]);
  });

  it('becomes another program without one', async () => {
    const processes = create();
    await nameOf(processes);
    const pid = child.pid!;
    const startNs = readStartTicks('/proc', pid)! * 1e7 + 123;
    const events: LifecycleSpec[] = [[LIFECYCLE.exec, pid, startNs, 'sleep', 'sleep']];
    expect(await nameOf(processes, { events })).toBe('sleep');
  });
});

describe('command lines', () => {
  it('are read no more after one that does not come', async () => {
    const proc = temporaryDirectory();
    mkdirSync(join(proc, '7'));
    mkdirSync(join(proc, '8'));
    // Opening it waits for a writer, as reading memory may wait for a file system.
    execFileSync('mkfifo', [join(proc, '7/cmdline')]);
    writeFileSync(join(proc, '8/cmdline'), 'python3\0a.py\0');
    const lines: string[] = [];
    const commandLines = createCommandLines({ proc, log: (line) => lines.push(line), deadlineMs: 50 });
    expect(await commandLines.read(8)).toEqual(['python3', 'a.py', '']);
    expect(await commandLines.read(7)).toBeUndefined();
    expect(await commandLines.read(8)).toBeUndefined();
    expect(lines).toEqual([
      expect.stringMatching(/^the command line of process 7 cannot be read in 0\.05 s: /),
    ]);
    // Let the thread go.
    writeFileSync(join(proc, '7/cmdline'), '');
  });

  it('are none of what is not there', async () => {
    const commandLines = createCommandLines({ proc: temporaryDirectory(), log: () => {} });
    expect(await commandLines.read(7)).toBeUndefined();
  });
});
