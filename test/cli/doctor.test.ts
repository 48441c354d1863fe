// SPDX-License-Identifier: Apache-2.0
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { joules, startJoules } from '../support/joules.ts';
import { describedMachine } from '../support/described-machine.ts';
import { describeOnKernel } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describeOnKernel('joules doctor on counters in user space', () => {
  it('says that a package which moves once a second is virtual, and what power is integrated', async () => {
    const root = temporaryDirectory();
    const zone = join(root, 'sys/class/powercap/intel-rapl:0');
    mkdirSync(zone, { recursive: true });
    symlinkSync('/proc', join(root, 'proc'));
    for (const name of ['kernel', 'devices', 'fs', 'bus'])
      symlinkSync(`/sys/${name}`, join(root, 'sys', name));
    for (const [file, text] of Object.entries({ name: 'package-0', max_energy_range_uj: '262143328850' }))
      writeFileSync(join(zone, file), `${text}\n`);
    const meter = join(root, 'sys/class/hwmon/hwmon0');
    mkdirSync(meter, { recursive: true });
    writeFileSync(join(meter, 'name'), 'power_meter\n');
    writeFileSync(join(meter, 'power1_average'), '100000000\n');
    const silent = join(root, 'sys/class/hwmon/hwmon1');
    mkdirSync(silent);
    writeFileSync(join(silent, 'name'), 'amdgpu\n');
    writeFileSync(join(silent, 'power1_average'), '4294967295000\n');
    const energy = openSync(join(zone, 'energy_uj'), 'w');
    let microjoules = 1_000_000;
    const move = (): void => void writeSync(energy, `${(microjoules += 1000)}\n`, 0);
    move();
    const timer = setInterval(move, 1000);
    await using run = startJoules(['doctor', '--source', 'powercap', '--root', root]);
    await run.ended;
    clearInterval(timer);
    closeSync(energy);
    const { stdout } = run.output();
    expect(stdout).toMatch(
      /^ {2}package:0 +.*split by time: .* it is virtual, .* never learned from; an interval lasts /m,
    );
    expect(stdout).toMatch(/^\+ powercap +apportioned, scope package, 1 counter\(s\): package:0, split /m);
    expect(stdout).toMatch(
      /^- gpu:hwmon1 +beside it, but it cannot be read: .*4294967295000, which is no reading$/m,
    );
    expect(stdout).toMatch(/^\+ host:hwmon0 +beside it, by power integrated over time \(estimated\)$/m);
  });

  it('finds that measuring is possible where learning cannot begin, since CPUs are not there', () => {
    // It has 192 CPUs.
    const { sys, proc } = describedMachine('cascade-lake-ap');
    for (const name of ['self', 'stat', 'cgroups', 'uptime']) symlinkSync(`/proc/${name}`, join(proc, name));
    for (const name of ['kernel', 'fs']) symlinkSync(`/sys/${name}`, join(sys, name));
    const { stdout, status } = joules(['doctor', '--source', 'powercap', '--root', dirname(sys)]);
    expect(stdout).toMatch(/^\+ measuring +works, apportioned .*\(powercap\)/m);
    expect(status).toBe(0);
  });
});
