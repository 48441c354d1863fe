// SPDX-License-Identifier: Apache-2.0
import { dirname, resolve } from 'node:path';
import type { SecureVersion } from 'node:tls';
import * as v from 'valibot';
import { parse } from 'yaml';
import { usageError } from '../model/errors.ts';
import { readSettings } from '../util/files.ts';
import { isMapping } from './check.ts';

/** How a server makes sure who asks, and that nobody else reads the answer. */
export interface WebConfig {
  readonly tls: TlsSettings | undefined;
  /** Hashes of bcrypt by the names of users; undefined: anybody. */
  readonly users: ReadonlyMap<string, string> | undefined;
}

export interface TlsSettings {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Whose clients are let in; undefined: all. */
  readonly ca: Buffer | undefined;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
}

const VERSIONS = { TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;
const VERSION = v.picklist(['TLS12', 'TLS13'], 'TLS12 or TLS13');
const FILE = v.pipe(v.string('the path of a file'), v.regex(/^[^\0]+$/, 'the path of a file'));
const VERIFY = 'RequireAndVerifyClientCert';
/** Each step doubles the time that one guess takes, and we are to be cheap: 12 is about 0.3 s. */
const MOST_COST = 12;
const HASH = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
const isHash = (given: string): boolean => Number(HASH.exec(given)?.[1] ?? Infinity) <= MOST_COST;

/**
 * What of the format of Prometheus' exporter toolkit (`docs/web-configuration.md` there) is known here. What is not is
 * an error: a server that is less closed than it was told is worse than none.
 */
const SCHEMA = v.strictObject({
  tls_server_config: v.optional(
    v.strictObject({
      cert_file: FILE,
      key_file: FILE,
      client_ca_file: v.optional(FILE),
      client_auth_type: v.optional(v.picklist(['NoClientCert', VERIFY], `NoClientCert or ${VERIFY}`)),
      min_version: v.optional(VERSION),
      max_version: v.optional(VERSION),
    }),
  ),
  // HTTP/1.1 is spoken, whether HTTP/2 is allowed or not.
  http_server_config: v.optional(v.strictObject({ http2: v.optional(v.boolean('true or false')) })),
  basic_auth_users: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^[^:\0]+$/, 'a name without ":"')),
      v.pipe(
        v.string(),
        v.check(isHash, `a hash of bcrypt of a cost up to ${MOST_COST}, as htpasswd -nBC 10 makes it`),
      ),
    ),
  ),
});

type Tls = NonNullable<v.InferOutput<typeof SCHEMA>['tls_server_config']>;

/** Reads what `--web.config.file` names. @throws usageError that names the file and the key, and shows no secret. */
export function readWebConfig(path: string): WebConfig {
  const given = parsed(path);
  if (!isMapping(given)) throw usageError(`${path} must be a mapping such as "basic_auth_users: {}"`);
  const result = v.safeParse(SCHEMA, given, { abortEarly: true, abortPipeEarly: true });
  if (!result.success) throw usageError(`${path}: ${faultOf(result.issues[0])}`);
  const { tls_server_config: tls, basic_auth_users: users } = result.output;
  return {
    tls: tls && tlsOf(path, tls),
    users: users && Object.keys(users).length > 0 ? new Map(Object.entries(users)) : undefined,
  };
}

/** The token that a file holds, and nothing else. @throws usageError, which does not show it. */
export function readToken(path: string): string {
  const token = read(path, '--token-file').toString('latin1').trim();
  // RFC 6750, 2.1.
  if (!/^[\w.~+/-]+=*$/.test(token) || token.length < 16)
    throw usageError(
      `--token-file ${path} must have a token of 16 letters and digits or more, and nothing else`,
    );
  return token;
}

function parsed(path: string): unknown {
  const text = read(path, '--web.config.file').toString('utf8');
  try {
    return parse(text, { logLevel: 'error', prettyErrors: false }) ?? {};
  } catch (error) {
    const [why] = (error as Error).message.split('\n', 1);
    throw usageError(`${path}: this is not YAML that can be read: ${why!.replace(/:$/, '')}`);
  }
}

function faultOf(issue: v.BaseIssue<unknown>): string {
  const key = (issue.path ?? []).map((item) => String(item.key)).join('.');
  if (issue.type === 'strict_object' && issue.expected === 'never') return `key ${key} is not supported`;
  if (issue.type === 'strict_object' && key !== '') return `key ${key} is missing, or no mapping`;
  if (issue.type === 'record') return `key ${key} must be a mapping`;
  return `key ${key} must be ${issue.message}`;
}

function tlsOf(path: string, tls: Tls): TlsSettings {
  const { client_ca_file: caFile, client_auth_type: clients = 'NoClientCert' } = tls;
  if ((clients === VERIFY) !== (caFile !== undefined))
    throw usageError(`${path}: client_ca_file and client_auth_type: ${VERIFY} need each other`);
  const { min_version: min = 'TLS12', max_version: max = 'TLS13' } = tls;
  if (min > max) throw usageError(`${path}: min_version must not be above max_version`);
  const file = (name: string, key: string): Buffer => read(resolve(dirname(path), name), `${path}: ${key}`);
  return {
    cert: file(tls.cert_file, 'cert_file'),
    key: file(tls.key_file, 'key_file'),
    ca: caFile === undefined ? undefined : file(caFile, 'client_ca_file'),
    minVersion: VERSIONS[min],
    maxVersion: VERSIONS[max],
  };
}

function read(path: string, what: string): Buffer {
  try {
    return readSettings(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(`${what} ${path} cannot be read (${code}): check the path`);
  }
}
