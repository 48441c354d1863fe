// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describeOnKernel } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ROOT = join(__dirname, '../..');

/** The package without a native part, as npm installs it where no platform's package fits. */
function installed(): string {
  const directory = join(temporaryDirectory(), 'node_modules/otel-ebpf-energy');
  for (const path of ['package.json', 'dist', 'bin'])
    cpSync(join(ROOT, path), join(directory, path), { recursive: true });
  return directory;
}

function top(directory: string): { status: number | null; stderr: string } {
  const args = [join(directory, 'bin/joules'), 'top', '--count', '1', '--interval', '0.1'];
  const env = { ...process.env, NODE_PATH: join(ROOT, 'node_modules') };
  return spawnSync(process.execPath, args, { encoding: 'utf8', env });
}

const platform = `linux-${process.arch}-gnu`;

describeOnKernel('the native part', () => {
  it('that is nowhere is one sentence that says how to get it', () => {
    const { status, stderr } = top(installed());
    expect(stderr).toMatch(
      new RegExp(
        `^joules: cannot load the native part: .*@otel-ebpf-energy/${platform} is not installed.*\\n$`,
      ),
    );
    expect(stderr).toMatch(/`npm run build` in a clone/);
    expect(status).toBe(3);
  });

  it("is taken from the platform's package beside ours, or below it", () => {
    for (const place of ['..', 'node_modules']) {
      const directory = installed();
      const beside = join(directory, place, '@otel-ebpf-energy', platform);
      mkdirSync(beside, { recursive: true });
      copyFileSync(join(ROOT, 'build/Release/energy.node'), join(beside, 'energy.node'));
      expect(top(directory)).toMatchObject({ status: 0 });
    }
  });

  it('that was built in a clone comes before it', () => {
    const directory = installed();
    const beside = join(directory, 'node_modules/@otel-ebpf-energy', platform);
    mkdirSync(beside, { recursive: true });
    // What is no addon would be refused if it were loaded.
    copyFileSync(join(ROOT, 'package.json'), join(beside, 'energy.node'));
    expect(top(directory).status).toBe(3);
    mkdirSync(join(directory, 'build/Release'), { recursive: true });
    copyFileSync(join(ROOT, 'build/Release/energy.node'), join(directory, 'build/Release/energy.node'));
    expect(top(directory).status).toBe(0);
  });
});
