// SPDX-License-Identifier: Apache-2.0
// All that the machines of one architecture are booted with, made in a thread of its own: what is fetched and compiled for
// one architecture may take its time while another's machines run.
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { arm64System } from './arm64.mjs';
import { makeImage, ownSystem } from './image.mjs';
import { prepareKernel } from './kernels.mjs';
import { findQemu, installTools } from './tools.mjs';

const here = import.meta.dirname;
const root = join(here, '../..');

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window's
if (!isMainThread) parentPort.postMessage(prepare(workerData));

/**
 * Resolves with { kernels, qemu, image, skipped }: the kernels that can be booted, and of the others, or of all, why not:
 * { what, why }. `own` is the directory of this run.
 */
export function prepareBeside(wanted) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(import.meta.filename, { workerData: wanted });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function prepare({ architecture, kernels, cache, own }) {
  const skipped = [];
  /** What cannot be had is no fault of what is tested: it is told. */
  const attempt = (what, action) => {
    try {
      return action();
    } catch (error) {
      skipped.push({ what, why: error.message });
      return undefined;
    }
  };
  const qemu = attempt(`virtual machines of ${architecture} cannot run here`, () => {
    installTools(architecture);
    return findQemu(architecture, cache);
  });
  if (!qemu) return { kernels: [], skipped };
  const ready = kernels.flatMap((kernel) => {
    const prepared = attempt(`Linux ${kernel.name} cannot be prepared`, () =>
      prepareKernel(kernel, join(cache, 'kernels'), join(here, 'module'), own),
    );
    return prepared ? [{ ...kernel, ...prepared }] : [];
  });
  if (ready.length === 0) return { kernels: [], skipped };
  const image = attempt(`there is no disk for ${architecture}`, () =>
    imageOf({ architecture, ready, cache, own }),
  );
  return { kernels: image ? ready : [], qemu, image, skipped };
}

function imageOf({ architecture, ready, cache, own }) {
  const image = join(own, `image-${architecture}`);
  makeImage({
    image,
    root,
    guest: join(here, 'guest'),
    modules: ready.map(({ release, module }) => [release, module]),
    system: architecture === 'amd64' ? ownSystem(root) : arm64System(cache, own),
  });
  return image;
}
