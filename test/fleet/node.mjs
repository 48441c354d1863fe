// SPDX-License-Identifier: Apache-2.0
// A node that says after another what it pushed, under a name of its own and now.
import { createHash } from 'node:crypto';
import { findText, findTimes, latestTime } from './metrics.mjs';
import { ID, NAME } from './record.mjs';

/** What is to be changed in each request of each push. */
export function makeTemplates(pushes) {
  return pushes.map((push) => {
    const latest = latestTime(push[0]);
    return push.map((request) => {
      const times = findTimes(request).map((at) => ({ at, before: latest - request.readBigUInt64LE(at) }));
      const [names, ids] = [findText(request, NAME), findText(request, ID)];
      if (names.length === 0 || ids.length === 0) throw new Error('no node is named in a request');
      return { request, times, names, ids };
    });
  });
}

/** A request as node `index` sends it at `ms`: how long it is does not change. */
export function requestOf({ request, times, names, ids }, index, ms) {
  const body = Buffer.from(request);
  const name = NAME.slice(0, -4) + `${index}`.padStart(4, '0');
  const id = createHash('md5').update(name).digest('hex');
  for (const at of names) body.write(name, at, 'latin1');
  for (const at of ids) body.write(id, at, 'latin1');
  const time = BigInt(Math.round(ms)) * 1_000_000n;
  for (const { at, before } of times) body.writeBigUInt64LE(time - before, at);
  return body;
}
