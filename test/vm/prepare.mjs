// SPDX-License-Identifier: Apache-2.0
// All that the machines of one architecture are booted with, made in a thread of its own: what is fetched and compiled for
// one architecture may take its time while another's machines run.
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { judgeElf } from '../packages/elf.mjs';
import { arm64System, fetchArm64 } from './arm64.mjs';
import { makeImage, ownSystem } from './image.mjs';
import { prepareKernel } from './kernels.mjs';
import { findQemu, installTools } from './tools.mjs';

const here = import.meta.dirname;
const root = join(here, '../..');

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window's
if (!isMainThread) parentPort.postMessage(prepare(workerData));

/**
 * Resolves with { kernels, qemu, image, skipped, judged }: the kernels that can be booted, and of the others, or of all, why
 * not: [what, why]. `judged` is of what was built: `why` is false where it is right. `own` is the directory of this run.
 */
export function prepareBeside(wanted) {
  const { architecture } = wanted;
  return new Promise((resolve) => {
    const worker = new Worker(import.meta.filename, { workerData: wanted });
    worker.once('message', resolve);
    worker.once('error', ({ stack }) =>
      resolve({ kernels: [], skipped: [], judged: [[`${architecture}: is prepared`, stack]] }),
    );
  });
}

function prepare({ architecture, kernels, cache, own }) {
  const [skipped, judged] = [[], []];
  const attempt = (failures, what, action) => {
    try {
      return action();
    } catch (error) {
      failures.push([what, error.message]);
      return undefined;
    }
  };
  const result = (ready, more) => ({ kernels: ready, skipped, judged, ...more });
  // What cannot be had is no fault of what is tested.
  const qemu = attempt(skipped, `virtual machines of ${architecture} cannot run here`, () => {
    installTools(architecture);
    return findQemu(architecture, cache);
  });
  if (!qemu) return result([]);
  const ready = kernels.flatMap((kernel) => {
    const prepared = attempt(skipped, `Linux ${kernel.name} cannot be prepared`, () =>
      prepareKernel(kernel, join(cache, 'kernels'), join(here, 'module'), own),
    );
    return prepared ? [{ ...kernel, ...prepared }] : [];
  });
  if (ready.length === 0) return result([]);
  const system = systemOf({ architecture, cache, own, attempt, skipped, judged });
  if (!system) return result([]);
  const image = attempt(skipped, `there is no disk for ${architecture}`, () =>
    imageOf({ architecture, ready, own, system }),
  );
  return image ? result(ready, { qemu, image }) : result([]);
}

/** What a guest has beside this checkout; undefined if that cannot be had or built. */
function systemOf({ architecture, cache, own, attempt, skipped, judged }) {
  if (architecture === 'amd64')
    return attempt(skipped, `there is no disk for ${architecture}`, () => ownSystem(root));
  const fetched = attempt(skipped, `what is built with for ${architecture} cannot be had`, () =>
    fetchArm64(cache),
  );
  if (!fetched) return undefined;
  const what = `${architecture}: is built, the BPF object byte by byte as for amd64`;
  const system = attempt(judged, what, () => arm64System(fetched, own));
  if (!system) return undefined;
  judged.push([what, false]);
  const programs = ['energy.node', 'joules-load'].map((name) => join(system.natives, name));
  judged.push(...programs.flatMap(judgeElf).map(([which, why]) => [`${architecture}: ${which}`, why]));
  return system;
}

function imageOf({ architecture, ready, own, system }) {
  const image = join(own, `image-${architecture}`);
  makeImage({
    image,
    root,
    guest: join(here, 'guest'),
    modules: ready.map(({ release, module }) => [release, module]),
    system,
  });
  return image;
}
