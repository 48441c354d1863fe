// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { once } from 'node:events';
import { dig, jsonObjects } from '../util/json.ts';
import type { ContainerNames } from '../model/container.ts';
import { keyOf, namesOf, type NameSource } from './namer.ts';

/** How this node's kubelet is reached. */
export interface KubeletOptions {
  /** `https://NODE:10250`, or `http://127.0.0.1:10255` where the read-only port is open. */
  readonly url: string;
  /** File with a bearer token that may `get` `nodes/proxy`. Read anew each time: such tokens are replaced. */
  readonly tokenFile?: string;
  /** File with the certificates that sign the kubelet's, PEM; default: those Node trusts. */
  readonly caFile?: string;
}

const TIMEOUT_MS = 5000;

/**
 * Names from the pods that the kubelet runs, `GET /pods`. It knows a container some seconds after it has begun.
 * The options are checked: the URL is one, and a token goes to https:// alone.
 */
export function kubeletPods(options: KubeletOptions): NameSource {
  const { url } = options;
  return async (containers) => {
    const machines = containers.filter(({ user }) => user === undefined);
    const wanted = new Set(machines.map(keyOf));
    const found = new Map<string, ContainerNames>();
    if (wanted.size === 0) return found;
    try {
      const response = await request(options);
      for await (const pod of jsonObjects(response.setEncoding('utf8'), 2)) {
        for (const [key, names] of [podOf(pod), ...containersOf(pod)])
          if (wanted.has(key)) found.set(key, names);
      }
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      throw new Error(`the kubelet at ${new URL(url).host} does not list its pods (${why})`, {
        cause: error,
      });
    }
    return found;
  };
}

async function request({ url, tokenFile, caFile }: KubeletOptions): Promise<IncomingMessage> {
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, 'utf8')).trim();
  const ca = caFile === undefined ? undefined : await readFile(caFile);
  const target = new URL('/pods', url);
  const get = target.protocol === 'https:' ? httpsGet : httpGet;
  const sent = get(target, {
    headers: { accept: 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(ca && { ca }),
  });
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  if (response.statusCode === 200) return response;
  response.destroy();
  throw new Error(`HTTP ${response.statusCode}`);
}

/** What is known of a pod, for cgroups of no known container. */
function podOf(pod: unknown): readonly [key: string, ContainerNames] {
  const uid = dig(pod, 'metadata', 'uid');
  const names = namesOf({ pod: dig(pod, 'metadata', 'name'), namespace: dig(pod, 'metadata', 'namespace') });
  return [keyOf({ containerId: null, podUid: typeof uid === 'string' ? uid : null }), names];
}

/** `PodStatus` of Kubernetes' core/v1: containerID is `RUNTIME://ID`. */
function containersOf(pod: unknown): (readonly [id: string, ContainerNames])[] {
  return ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'].flatMap((key) => {
    const statuses = dig(pod, 'status', key);
    if (!Array.isArray(statuses)) return [];
    return statuses.flatMap((status: unknown) => {
      const id = dig(status, 'containerID');
      if (typeof id !== 'string') return [];
      const names = namesOf({
        container: dig(status, 'name'),
        image: dig(status, 'image'),
        pod: dig(pod, 'metadata', 'name'),
        namespace: dig(pod, 'metadata', 'namespace'),
      });
      return [[id.replace(/^[^:]*:\/\//, ''), names] as const];
    });
  });
}
