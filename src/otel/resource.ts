// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Attributes } from '@opentelemetry/api';
import {
  defaultResource,
  detectResources,
  envDetector,
  hostDetector,
  osDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import { VARIABLES } from '../settings/variables.ts';
import { readText } from '../util/files.ts';
import { SCOPE_NAME, SCOPE_VERSION } from './semconv.ts';

export interface ResourceOptions {
  readonly env: NodeJS.ProcessEnv;
  /** The user's, which win over what is found out. OTEL_RESOURCE_ATTRIBUTES wins over these. */
  readonly attributes?: Attributes | undefined;
  readonly log: (line: string) => void;
  /** `/proc`. */
  readonly procRoot?: string;
}

/**
 * The resource of all metrics: this agent on this host.
 *
 * Back ends of Prometheus's kind make `job` of service.name and `instance` of service.instance.id and keep
 * nothing else of the resource with the series: without the latter, `hw.id="package:0"` of two hosts is one series.
 */
export async function describeAgent(options: ResourceOptions): Promise<Resource> {
  const { env, attributes = {}, log, procRoot = '/proc' } = options;
  const found = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': SCOPE_NAME, 'service.version': SCOPE_VERSION }))
    .merge(detectResources({ detectors: [hostDetector, osDetector] }))
    .merge(resourceFromAttributes(nodeName(env)))
    .merge(resourceFromAttributes(attributes))
    .merge(detectResources({ detectors: [envDetector] }));
  // host.id is read from a file.
  await found.waitForAsyncAttributes?.();
  const known = Object.fromEntries(
    // An image's empty /etc/machine-id is no identity.
    Object.entries(found.attributes).filter(([name, value]) => name !== 'host.id' || isHostId(value)),
  );
  return resourceFromAttributes({ ...instanceId(known, procRoot, log), ...known });
}

/** Of systemd's first boot. */
const UNINITIALIZED = 'uninitialized';

function isHostId(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value !== UNINITIALIZED;
}

/** NODE_NAME is common too, but outside of a cluster may mean anything (Jenkins sets it). */
function nodeName(env: NodeJS.ProcessEnv): Attributes {
  const { variables: always } = VARIABLES.nodeName;
  const variables = env['KUBERNETES_SERVICE_HOST'] ? [...always, 'NODE_NAME'] : always;
  const name = variables.map((variable) => env[variable]?.trim()).find((value) => value);
  return name ? { 'k8s.node.name': name } : {};
}

/** For identifiers made from another inherent one (semantic conventions, service.instance.id). */
const NAMESPACE = '4d63009a-8d0f-11ee-aad7-4c796ed8e320';

/** The same at every start on this host, so that an agent that is started anew goes on with its series. */
function instanceId(known: Attributes, procRoot: string, log: (line: string) => void): Attributes {
  if (known['service.instance.id'] !== undefined) return {};
  const service = String(known['service.name']);
  // In a container the file may be the image's, hence the same on all nodes: the node's name tells them apart.
  const lasting = [known['host.id'], known['k8s.node.name']].filter((id) => id !== undefined).map(String);
  const host =
    lasting.length > 0 ? lasting.join('\n') : readText(join(procRoot, 'sys/kernel/random/boot_id'));
  if (lasting.length === 0) {
    const instead = !host ? 'is left out' : 'is made of the boot id and changes at every boot';
    log(
      `no host id (/etc/machine-id): service.instance.id ${instead}, set it in OTEL_RESOURCE_ATTRIBUTES if hosts are to be told apart`,
    );
  }
  if (!host) return {};
  // The machine id itself is to be kept confidential (machine-id(5)): only its hash is in the identifier.
  return { 'service.instance.id': uuidV5(`${host}\n${service}`) };
}

/** RFC 9562, 5.5. */
function uuidV5(name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}
