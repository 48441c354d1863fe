// SPDX-License-Identifier: Apache-2.0

/** What has been opened so far. Node 20 has no AsyncDisposableStack. */
export class ClosingStack {
  readonly #opened: { close(): void | Promise<void> }[] = [];
  #closed: Promise<void> | undefined;

  /** Takes charge of what was opened, and returns it. */
  use<Resource extends { close(): void | Promise<void> }>(resource: Resource): Resource {
    this.#opened.push(resource);
    return resource;
  }

  /**
   * Closes everything, the last first, also after one of them cannot be closed. Rejects with the first such failure.
   * Called again, it gives the same promise.
   */
  close(): Promise<void> {
    return (this.#closed ??= this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const resource of this.#opened.toReversed()) {
      try {
        await resource.close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** What `open` makes of the things it opens; where it rejects, they are closed before that is passed on. */
export async function openAll<Result>(open: (opened: ClosingStack) => Promise<Result>): Promise<Result> {
  const opened = new ClosingStack();
  try {
    return await open(opened);
  } catch (error) {
    // Why it could not be opened matters more than what went wrong at closing.
    await opened.close().catch(() => {});
    throw error;
  }
}
