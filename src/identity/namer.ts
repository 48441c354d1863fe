// SPDX-License-Identifier: Apache-2.0
import type { ContainerNames, KnownContainer } from '../model/container.ts';
import { within } from '../util/deadline.ts';
import { createGenerationalCache } from '../util/generational-cache.ts';
import { createPatience } from '../util/patience.ts';

/** What of a container, or pod, its names are kept under. */
export type Key = Pick<KnownContainer, 'containerId' | 'podUid' | 'user'>;

/** Users choose ids as they like, those of the machine's containers too. */
export function keyOf({ containerId, podUid, user }: Key): string {
  const id = containerId ?? `pod ${podUid}`;
  return user === undefined ? id : `${user}/${id}`;
}

/** Looks containers up; answers by their keys. What it does not know is missing from its answer; it may reject. */
export type NameSource = (
  containers: readonly KnownContainer[],
) => Promise<ReadonlyMap<string, ContainerNames>>;

/** Names of containers, looked up once each and kept while they are charged. */
export interface Namer {
  /** Resolves when names that are not known have been looked for, or when that takes too long. Never rejects. */
  prepare(containers: readonly KnownContainer[]): Promise<void>;
  of(container: Key): ContainerNames | undefined;
  endInterval(): void;
}

const KEEP_NAMES = 4096;
/** Containers looked up per interval: 2,000 that are there at the start have their names after some seconds. */
const LOOKUPS = 256;
/** A source that does not answer for so long is not waited for any more, nor asked again before it has answered. */
const DEADLINE_MS = 10_000;
/** A snapshot waits this long for names, so that a container's first point has them already. */
const WAIT_MS = 250;
/** Kubelets know a container some seconds after it has begun; what nobody knows is asked for ever more rarely. */
const LONGEST_PAUSE = 256;

/** `sources` are asked in turn for what those before did not know; `log` takes a line when one begins to fail. */
export function createNamer(options: {
  readonly sources: readonly NameSource[];
  readonly log: (line: string) => void;
  readonly deadlineMs?: number;
}): Namer {
  const { sources, log, deadlineMs = DEADLINE_MS } = options;
  const names = createGenerationalCache<string, ContainerNames>(KEEP_NAMES);
  const unknown = createGenerationalCache<string, { readonly due: number; readonly pause: number }>(
    KEEP_NAMES,
  );
  const failures = new Map<NameSource, string>();
  const patience = createPatience<NameSource>(deadlineMs);
  let round = 0;
  let running: Promise<void> | undefined;

  async function ask(
    source: NameSource,
    containers: readonly KnownContainer[],
  ): Promise<ReadonlyMap<string, ContainerNames>> {
    try {
      const found = await patience.ask(source, () => source(containers));
      // The same words as long as it is not asked again: they are logged once.
      if (!found) throw new Error(`there is no answer after ${deadlineMs / 1000} s`);
      failures.delete(source);
      return found;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (failures.get(source) !== why) log(`cannot look up names of containers: ${why}`);
      failures.set(source, why);
      return new Map();
    }
  }

  async function lookUp(containers: readonly KnownContainer[]): Promise<void> {
    let left = containers;
    for (const source of sources) {
      if (left.length === 0) break;
      const found = await ask(source, left);
      for (const [key, its] of found) names.set(key, its);
      left = left.filter((container) => !found.has(keyOf(container)));
    }
    for (const key of left.map(keyOf)) {
      const pause = Math.min(2 * (unknown.get(key)?.pause ?? 0.5), LONGEST_PAUSE);
      unknown.set(key, { due: round + pause, pause });
    }
  }

  return {
    async prepare(containers) {
      const wanted = containers.filter((container) => {
        const key = keyOf(container);
        return !names.get(key) && (unknown.get(key)?.due ?? 0) <= round;
      });
      if (wanted.length > 0) {
        running ??= lookUp(wanted.slice(0, LOOKUPS)).finally(() => (running = undefined));
      }
      if (running) await within(running, WAIT_MS);
    },
    of: (container) => names.get(keyOf(container)),
    endInterval() {
      round++;
      names.endInterval();
      unknown.endInterval();
    },
  };
}

/** Longer ones are no names. */
const MAX_LENGTH = 1024;

/** The entries that are names: strings, not empty, not too long. */
export function namesOf(found: {
  readonly image?: unknown;
  readonly name?: unknown;
  readonly container?: unknown;
  readonly pod?: unknown;
  readonly namespace?: unknown;
}): ContainerNames {
  const entries = [
    ['name', found.name],
    ['k8sContainer', found.container],
    ['k8sPod', found.pod],
    ['k8sNamespace', found.namespace],
  ].filter(([, value]) => isName(value));
  return { ...(Object.fromEntries(entries) as ContainerNames), ...imageNames(found.image) };
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_LENGTH;
}

/** NAME[:TAG][@DIGEST], where the name may begin with HOST:PORT/ (distribution/reference). An id is no name. */
const IMAGE = /^(?<name>[^@]+?)(?::(?<tag>\w[\w.-]{0,127}))?(?:@\S+)?$/;
const IMAGE_ID = /^(?:sha256:)?[0-9a-f]{64}$/;

function imageNames(image: unknown): ContainerNames {
  if (!isName(image) || IMAGE_ID.test(image)) return {};
  const { name, tag } = IMAGE.exec(image)?.groups ?? {};
  if (name === undefined) return {};
  return { imageName: name, ...(tag !== undefined && { imageTags: [tag] }) };
}
