// SPDX-License-Identifier: Apache-2.0

/** From then on a person wonders whether anything happens. */
const PATIENCE_MS = 1000;

/** Does something, and says what on a terminal if it takes more than a second, until it is done. */
export async function waitingFor<T>(what: string, work: () => Promise<T>): Promise<T> {
  const word = sayWaiting(what);
  try {
    return await work();
  } finally {
    word.end();
  }
}

/** As `waitingFor`, until `end` is called. */
export function sayWaiting(what: string): { readonly end: () => void } {
  const { stderr } = process;
  // Where nobody looks, a line more would only stand between others.
  if (!stderr.isTTY) return { end: () => {} };
  let isSaid = false;
  const timer = setTimeout(() => {
    isSaid = true;
    stderr.write(`\r\x1b[Kjoules: ${what}`.slice(0, (stderr.columns || 80) + 3));
  }, PATIENCE_MS);
  timer.unref();
  return {
    end() {
      clearTimeout(timer);
      if (isSaid) stderr.write('\r\x1b[K');
      isSaid = false;
    },
  };
}
