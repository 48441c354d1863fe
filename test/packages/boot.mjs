// SPDX-License-Identifier: Apache-2.0
// The unit of Debian's package under a systemd that has booted: the user, the capabilities and the filter that it is given.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { skip, test } from '../e2e/report.mjs';
import { Chroot } from './chroot.mjs';

const NEEDED = ['systemd', 'systemd-sysv', 'init-system-helpers', 'dbus', 'curl'];
const LOOKED = '/root/looked';
/** What is asked of the unit once it has measured for a while. */
const LOOK = `[Unit]
After=joules.service multi-user.target
[Service]
Type=oneshot
StandardOutput=file:${LOOKED}
ExecStart=/bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do \\
 sleep 3; curl -s http://127.0.0.1:9464/metrics >/tmp/page; grep -qE "^process_energy.* 0*[1-9]" /tmp/page && break; done; \\
 systemctl show joules.service -p ActiveState -p DynamicUser; \\
 grep -E "^(Uid|CapPrm|CapBnd|NoNewPrivs|Seccomp):" /proc/$(systemctl show -P MainPID joules.service)/status; \\
 echo Series: $(grep -cE "^process_energy.* [0-9.]*[1-9]" /tmp/page); \\
 systemctl stop joules.service; systemctl show joules.service -p Result -p ExecMainStatus'
ExecStopPost=/bin/systemctl poweroff
`;

/** In bookworm, whose Node is too old for the package: this one takes its place. */
export async function judgeUnit(deb, work) {
  if (!existsSync('/usr/bin/systemd-nspawn'))
    return skip('the unit under systemd', new Error('there is no systemd-nspawn'));
  const chroot = new Chroot('bookworm', work);
  const packages = NEEDED.join(' ');
  const install = `export DEBIAN_FRONTEND=noninteractive
apt-get -qq update && apt-get -qq -y --no-install-recommends install ${packages} && dpkg --force-depends -i ${chroot.bring(deb)}`;
  chroot.copy(process.execPath, '/usr/bin/node');
  const installed = await chroot.run('sh', '-c', install);
  if (installed.status !== 0) return skip('the unit under systemd', new Error(installed.stderr));
  const unit = chroot.pathOf('/etc/systemd/system/look.service');
  const wanted = chroot.pathOf('/etc/systemd/system/multi-user.target.wants/look.service');
  mkdirSync(dirname(wanted), { recursive: true });
  writeFileSync(unit, LOOK);
  symlinkSync('/etc/systemd/system/look.service', wanted);
  const { stdout, stderr } = await chroot.boot();
  const path = chroot.pathOf(LOOKED);
  const looked = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  test('unit: systemd boots and starts it', looked === undefined && `${stdout.slice(-500)}${stderr}`);
  if (looked !== undefined) judge(looked);
  return undefined;
}

function judge(looked) {
  const value = (name) => new RegExp(`^${name}[:=]\\s*(\\S+)`, 'm').exec(looked)?.[1];
  const is = (what, name, expected) =>
    test(`unit: ${what}`, value(name) !== expected && `${name} is ${value(name)}`);
  is('it runs', 'ActiveState', 'active');
  is('as a user that is made for it', 'DynamicUser', 'yes');
  test('unit: which is not root', !(Number(value('Uid')) > 0) && looked);
  // CAP_PERFMON and CAP_BPF are numbers 38 and 39.
  is('with two capabilities to have at most', 'CapBnd', '000000c000000000');
  is('that cannot gain others', 'NoNewPrivs', '1');
  is('and a filter of system calls', 'Seccomp', '2');
  test('unit: it publishes what processes used', !(Number(value('Series')) > 0) && looked);
  is('it ends well', 'Result', 'success');
  is('with status 0', 'ExecMainStatus', '0');
}
