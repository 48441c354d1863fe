// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDirectory, describeWithPeers, startAgent } from '../support/attached.ts';
import { nodeFlags } from '../support/joules.ts';
import { residentMb } from '../support/resident.ts';

const isLong = process.env['JOULES_HOSTILE'] === 'long';
const SECONDS = isLong ? 120 : 10;
const SETTLE_MS = isLong ? 20_000 : 8000;
const MOST_MB = 32;
const FLOODS = ['restless', 'deaf', 'long', 'half', 'stopped'];
const FIRST_USER = 61_000;

/** Connections of one user. */
function crowd(socket: string, kind: string, user: number, count: number): ChildProcess {
  const words = [join(__dirname, '../support/attach-crowd.mjs'), socket, kind, String(count)];
  return spawn(process.execPath, words, { uid: user, gid: user, stdio: ['pipe', 'pipe', 'inherit'] });
}

describeWithPeers('under a flood of those who attach', () => {
  it('a peer that behaves is answered each time, and the agent lives in little memory', async () => {
    const directory = openDirectory();
    const socket = join(directory, 'attach.sock');
    await using agent = await startAgent(directory, nodeFlags());
    const pid = agent.child.pid!;
    const fair = crowd(socket, 'fair', FIRST_USER, 8);
    const answers = text(fair.stdout!);
    const floods: ChildProcess[] = [];
    try {
      await sleep(SETTLE_MS);
      const before = residentMb(pid);
      floods.push(...FLOODS.map((kind, i) => crowd(socket, kind, FIRST_USER + 1 + i, 100)));
      let most = 0;
      for (let i = 0; i < SECONDS; i++) {
        await sleep(1000);
        most = Math.max(most, residentMb(pid));
      }
      fair.stdin!.end();
      const { took, refused } = JSON.parse(await answers) as { took: number[]; refused: number };
      expect(refused).toBe(0);
      expect(took.length).toBeGreaterThan(SECONDS);
      expect(most - before).toBeLessThanOrEqual(MOST_MB);
    } finally {
      for (const child of [fair, ...floods]) child.kill('SIGKILL');
    }
  });
});
