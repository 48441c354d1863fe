// SPDX-License-Identifier: Apache-2.0

/**
 * What `work` resolves with, or undefined if it is not over after `ms`; it goes on meanwhile. Rejects if `work` rejects
 * in time; what it rejects with later is nobody's. The timer keeps the process alive until one of both is over.
 */
export async function within<Result>(work: Promise<Result>, ms: number): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
