// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describeOnKernel, TSC } from '../support/kernel.ts';
import { joules, JOULES, type Run, startJoules } from '../support/joules.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let directory: string;
beforeAll(() => (directory = temporaryDirectory()));

/** One sentence on stderr, nothing on stdout, no stack trace. */
function expectSentence(run: Run, status: number, words: RegExp): void {
  expect(run.stderr).toMatch(/^joules: [^\n]+\n$/);
  expect(run.stderr).toMatch(words);
  expect(run.stdout).toBe('');
  expect(run.status).toBe(status);
}

describe('bad input is answered by one sentence and exit status 2', () => {
  it.each<[string, string[], RegExp]>([
    ['no verb', [], /a verb is missing: use one of agent, top, stat, record, report, page, verify, doctor/],
    ['an unknown verb', ['tpo'], /unknown verb "tpo": did you mean top\?$/m],
    ['a verb for an option', ['version'], /unknown verb "version": did you mean joules --version\?$/m],
    ['a command for a verb', ['make', '-j2'], /unknown verb "make": .*joules stat make$/m],
    ['a verb of JavaScript', ['constructor'], /unknown verb "constructor"/],
    ['an unknown option', ['top', '--sauce', 'x'], /no option --sauce/],
    ['an option without its value', ['top', '--count'], /--count/],
    ['an argument too many', ['top', 'now'], /unexpected argument "now"/],
    ['a count of none', ['top', '--count', '0'], /--count must be an integer from 1 to \d+, not "0"/],
    [
      'an interval of words',
      ['top', '--interval', 'often'],
      /--interval must be a number of seconds from 0.001/,
    ],
    [
      'an interval beyond all timers',
      ['top', '--interval', '1e9'],
      /--interval must be .* to 2147483, not "1e9"/,
    ],
    ['an unknown source for the doctor', ['doctor', '--source', 'sun'], /unknown source "sun"/],
    ['an empty command', ['stat', '--', ''], /stat needs a command/],
    ['a verb with an escape sequence', ['\u001b[2J'], /^joules: unknown verb "\\u001b/],
    ['an unknown view', ['top', '--by', 'user'], /--by must be one of process, cgroup, container, core/],
    ['an unknown source', ['top', '--source', 'sun'], /unknown source "sun"/],
    ['a malformed perf source', ['top', '--source', 'perf:msr'], /perf:PMU\/EVENT\//],
    [
      'a count of more Joules than can be',
      ['top', '--source', 'perf:msr/tsc/,joules=1e12'],
      /joules=1e12 is not/,
    ],
    ['a PMU that is not there', ['top', '--source', 'perf:solar/panel/'], /solar/],
    ['a filter for stat', ['stat', '--include', 'x', '--', 'true'], /no option --include/],
    ['half the watts', ['top', '--watts-idle', '3'], /--watts-busy/],
    ['stat without a command', ['stat'], /stat needs a command/],
    ['stat with an empty command', ['stat', '--'], /stat needs a command/],
    ['a config file without end', ['agent', '--config', '/dev/zero'], /cannot read --config .*EFBIG/],
    [
      'a token without end',
      ['agent', '--token-file', '/dev/zero'],
      /--token-file .* cannot be read \(EFBIG\)/,
    ],
    ['a config file that is not there', ['agent', '--config', '/nowhere/x.yaml'], /cannot read .*ENOENT/],
  ])('%s', (_, args, words) => {
    expectSentence(joules(args), 2, words);
  });

  it.each<[string, string, RegExp]>([
    ['no YAML', 'source: [', /config.yaml:1: this is not YAML/],
    ['a tag that nobody knows', 'source: !x power', /config.yaml:1: .*Unresolved tag/],
    ['an alias of nothing', 'source: *x', /Unresolved alias/],
    ['no mapping', '- a', /must be a mapping/],
    ['an unknown key', 'colour: blue', /unknown key colour: use source, attribution, interval/],
    ['a value of the wrong kind', 'interval: soon', /interval must be a number of seconds/],
    ['a key of JavaScript', 'constructor: 1', /unknown key constructor/],
    ['more tasks than memory', 'max_tasks: 1e12', /max_tasks must be an integer from 3/],
    ['a kubelet without its URL', 'kubelet: {token_file: /t}', /key kubelet.url is missing/],
    [
      'an unknown key of the kubelet',
      'kubelet: {url: "https://n", ca: /c}',
      /unknown key kubelet.ca: use url/,
    ],
    ['a kubelet at no URL', 'kubelet: {url: node}', /kubelet.url must be an http:/],
    ['names that are no answer', 'names: docker', /names must be true or false/],
    ['patterns that are no list', 'include: nginx', /include must be a list of patterns/],
    ['an unknown limit', 'limits: {pods: 5}', /unknown key limits.pods/],
    ['a limit of nothing', 'limits: {cgroups: 0}', /limits.cgroups must be an integer/],
  ])('a config file with %s', (_, text, words) => {
    const file = join(directory, 'config.yaml');
    writeFileSync(file, text);
    expectSentence(joules(['agent', '--config', file]), 2, words);
  });

  it('an output file that cannot be written, before the command runs', () => {
    const marker = join(directory, 'ran');
    const run = joules(['stat', '--output', '/nowhere/x.json', '--', 'touch', marker]);
    expectSentence(run, 2, /cannot write --output \/nowhere\/x.json \(ENOENT\)/);
    expect(() => readFileSync(marker)).toThrow();
  });

  it('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = String((server.address() as AddressInfo).port);
    const run = joules(['agent'], { OTEL_EXPORTER_PROMETHEUS_PORT: port });
    server.close();
    expectSentence(run, 2, new RegExp(`127.0.0.1:${port}.*OTEL_EXPORTER_PROMETHEUS_PORT`));
  });

  it.each([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_METRICS_EXPORTER: 'otlp' }, /OTEL_EXPORTER_OTLP_PROTOCOL/],
    [{ OTEL_METRICS_EXPORTER: 'paper' }, /OTEL_METRICS_EXPORTER/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'not a url' }, /OTEL_EXPORTER_OTLP_ENDPOINT/],
    [{ OTEL_METRICS_EXPORTER: 'otlp', OTEL_METRIC_EXPORT_INTERVAL: '-1' }, /OTEL_METRIC_EXPORT_INTERVAL/],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:secret@host:99999' },
      /^(?!.*secret).*https:\/\/…@host:99999/,
    ],
    [{ OTEL_RESOURCE_ATTRIBUTES: 'team=power,a=b=c' }, /OTEL_RESOURCE_ATTRIBUTES .* and "a=b=c" is none/],
  ])('the environment %j', (variables, words) => {
    expectSentence(joules(['agent'], variables), 2, words);
  });
});

describe('an agent that OTEL_SDK_DISABLED disables', () => {
  it('says so, attaches and serves nothing, and waits to be stopped', async () => {
    await using agent = startJoules(['agent'], {
      OTEL_SDK_DISABLED: 'true',
      OTEL_CONFIG_FILE: '/etc/otel.yaml',
    });
    while (!agent.output().stderr.includes('OTEL_SDK_DISABLED')) await once(agent.child.stderr!, 'data');
    const descriptors = readdirSync(`/proc/${agent.child.pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${agent.child.pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
    expect(descriptors.filter((target) => /bpf|perf_event/.test(target))).toEqual([]);
    expect((await agent.stop('SIGTERM')).status).toBe(0);
    expect(agent.output()).toEqual({
      stdout: '',
      stderr: expect.stringMatching(
        /^joules: OTEL_CONFIG_FILE is not supported, [^\n]+\njoules: OTEL_SDK_DISABLED is true: [^\n]+\n$/,
      ),
    });
  });
});

describeOnKernel('the doctor', () => {
  it('shows the source that would be measured', () => {
    const tsc = joules(['doctor', '--source', TSC]);
    expect(tsc.stdout).toMatch(/^\+ perf:msr\/tsc\/ +measured, scope cpu/m);
    expect(tsc.stdout).toMatch(/^\+ measuring +works, measured \(perf:msr\/tsc\/\): /m);
    expect(tsc.stdout).not.toMatch(/estimated/);
    expect(tsc.stdout.trimEnd().split('\n\n').at(-1)).toMatch(
      /^You will get what perf:msr\/tsc\/ counts, [^\n]+\.$/,
    );
    expect(tsc.status).toBe(0);
    expect(JSON.parse(joules(['doctor', '--json', '--source', TSC]).stdout)).toMatchObject({
      source: 'perf:msr/tsc/',
    });
  });

  it('shows why the source that is asked for is not there, and nothing of others', () => {
    const missing = joules(['doctor', '--source', 'power_core']);
    expect(missing.stdout).toMatch(/^- power_core +this kernel has no PMU power_core/m);
    expect(missing.stdout).not.toMatch(/^. estimated/m);
    expect(missing.stdout).toMatch(/^From that source nothing can be measured: leave out --source /m);
    expect([missing.status, missing.stderr]).toEqual([3, '']);
    expect(JSON.parse(joules(['doctor', '--json', '--source', 'power_core']).stdout)).toMatchObject({
      source: null,
    });
  });
});

describe('help', () => {
  it.each([['--help'], ['help', 'top'], ['-j', 'top', '-h'], ['stat', '--help', '--', 'true']])(
    'is data on stdout: %s %s',
    (...args) => {
      const { status, stdout, stderr } = joules(args);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Usage: joules /);
    },
  );

  it('gives the version', () => {
    expect(joules(['--version'])).toEqual({ status: 0, stdout: '0.1.0\n', stderr: '' });
  });
});

describeOnKernel('what cannot be measured is said with exit status 3', () => {
  it('a source that this machine has not', () => {
    expectSentence(joules(['top', '--source', 'power_core']), 3, /no PMU power_core.*--source estimated/);
  });

  it('a user without the privilege', () => {
    const { status, stdout, stderr } = spawnSync(
      'setpriv',
      ['--bounding-set', '-all', '--inh-caps', '-all', process.execPath, JOULES, 'top', '--source', TSC],
      { encoding: 'utf8' },
    );
    expectSentence({ status, stdout, stderr }, 3, /EPERM.*root, or with CAP_BPF and CAP_PERFMON/);
  });

  it('a kernel without BTF', () => {
    const root = join(directory, 'host');
    mkdirSync(join(root, 'sys/devices/system/cpu'), { recursive: true });
    writeFileSync(join(root, 'sys/devices/system/cpu/online'), '0-1\n');
    mkdirSync(join(root, 'proc/self'), { recursive: true });
    for (const file of ['cpuinfo', 'stat', 'self/mountinfo', 'self/status']) {
      writeFileSync(join(root, 'proc', file), readFileSync(join('/proc', file)));
    }
    expectSentence(joules(['top', '--root', root]), 3, /btf\/vmlinux.*CONFIG_DEBUG_INFO_BTF/);
    const doctor = joules(['doctor', '--root', root]);
    expect(doctor.status).toBe(3);
    expect(doctor.stdout).toMatch(/^- BTF .*CONFIG_DEBUG_INFO_BTF$/m);
    expect(doctor.stdout).toMatch(/^- measuring .*BTF/m);
  });

  it.each([
    [
      'no procfs',
      'mount -t tmpfs none /proc',
      /^[ -] privileges .*\/proc\/self\/status .*: mount procfs/m,
      /mount procfs at \/proc$/m,
    ],
    [
      'a procfs of processes alone',
      'mount -t proc -o subset=pid none /proc',
      /^\+ privileges /m,
      /mount procfs without subset=pid there \(systemd: ProcSubset=all\)$/m,
    ],
  ])('%s', (_, mount, privileges, remedy) => {
    const there = (verb: string): Run => {
      const script = `${mount} && exec ${process.execPath} ${JOULES} ${verb} --source ${TSC}`;
      const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script], {
        encoding: 'utf8',
      });
      return { status, stdout, stderr };
    };
    expectSentence(there('top'), 3, remedy);
    const doctor = there('doctor');
    expect([doctor.status, doctor.stderr]).toEqual([3, '']);
    expect(doctor.stdout).toMatch(privileges);
    expect(doctor.stdout).toMatch(remedy);
  });

  it('a root without sysfs', () => {
    expectSentence(joules(['top', '--root', '/nowhere']), 3, /mount sysfs at \/nowhere\/sys/);
  });
});
