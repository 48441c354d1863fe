// SPDX-License-Identifier: Apache-2.0
import type { PackageHardware } from './hardware.ts';
import type { LoadMaker } from './load.ts';
import { batch, homog, shift, turbo } from './loads/batch.ts';
import { containers, hotlight, shorts } from './loads/crowds.ts';
import { lockstep, pinned, smt } from './loads/pinned.ts';
import { quiet, server } from './loads/services.ts';

/** What packages can do. */
export const LOADS: Readonly<Record<string, LoadMaker>> = {
  batch,
  homog,
  server,
  quiet,
  shorts,
  hotlight,
  containers,
  smt,
  turbo,
  shift,
  pinned,
  lockstep,
};

/** The hardware a load needs: tasks that all draw the same have no hidden differences either. */
export function hardwareFor(load: string, hardware: PackageHardware): PackageHardware {
  return load === 'homog' ? { ...hardware, executableSpread: 0, processSpread: 0 } : hardware;
}
