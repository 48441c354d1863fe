// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { usageError } from '../model/errors.ts';
import type { OtlpSettings } from '../settings/environment.ts';

/** The answer to one request, as far as it was read. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface PostOptions {
  readonly body: Uint8Array;
  readonly contentType: string;
  /** For the whole exchange, from connecting to the end of the answer. */
  readonly timeoutMs: number;
  /** Breaks the exchange off. */
  readonly signal: AbortSignal;
}

/** Where to, and what every request has. */
export type OtlpConnection = Pick<OtlpSettings, 'url' | 'headers' | 'gzip' | 'tls'>;

/** Posts to one URL over one connection at a time, which it keeps. */
export interface OtlpClient {
  /** @throws Error, mostly with a `code`, when there was no answer. */
  readonly post: (options: PostOptions) => Promise<Answer>;
  readonly close: () => void;
}

/** An answer says in some hundred bytes what was refused; one that goes on is not read. */
const ANSWER_LIMIT = 65_536;
/** What follows the head of an answer is for the log only: not waited for if it drips. */
const BODY_MS = 2000;

const compress = promisify(gzip);

/**
 * HTTP for OTLP. The exporters of @opentelemetry bring a client, but it hides what a receiver says when it
 * refuses, waits without an end for answers that drip, and cannot be broken off.
 * @throws usageError for files of TLS with which no connection can be made.
 */
export function createOtlpClient(settings: OtlpConnection): OtlpClient {
  const { headers, gzip: zipped, tls } = settings;
  const url = new URL(settings.url);
  const secure = url.protocol === 'https:';
  if (secure) checkTls(tls);
  const options = { keepAlive: true, maxSockets: 1 };
  const agent = secure ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
  const request = secure ? httpsRequest : httpRequest;

  function exchange(sent: Uint8Array, { contentType, timeoutMs, signal }: PostOptions): Promise<Answer> {
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: {
        'user-agent': 'otel-ebpf-energy',
        ...headers,
        'content-type': contentType,
        'content-length': sent.length,
        ...(zipped && { 'content-encoding': 'gzip' }),
      },
    });
    return new Promise((resolve, reject) => {
      let answer: IncomingMessage | undefined;
      const pieces: Buffer[] = [];
      let size = 0;
      // Where this process did not run for a while the answer may be there already: timers come before what was received,
      // and what was accepted and is sent again counts twice as a difference.
      const isLate = (): void => {
        if (!answer) settle(timedOut(timeoutMs));
      };
      let timer = setTimeout(() => setImmediate(isLate), timeoutMs);
      const abort = (): void => settle(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });

      function settle(failure?: Error): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        // A connection can be used again only after the whole answer.
        if (!answer?.complete) outgoing.destroy();
        if (!answer) reject(failure ?? new Error('no answer'));
        // With the head it is known whether the receiver took the request.
        else
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) });
      }
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        settle(outgoing.reusedSocket && STALE.has(error.code) ? new StaleConnection(error.message) : error);
      });
      outgoing.on('response', (response) => {
        answer = response;
        clearTimeout(timer);
        timer = setTimeout(settle, Math.min(BODY_MS, timeoutMs));
        response.on('data', (piece: Buffer) => {
          size += piece.length;
          pieces.push(piece.subarray(0, Math.max(0, piece.length - (size - ANSWER_LIMIT))));
          if (size >= ANSWER_LIMIT) settle();
        });
        for (const event of ['end', 'error', 'close']) response.on(event, () => settle());
      });
      if (signal.aborted) abort();
      else outgoing.end(sent);
    });
  }

  return {
    async post(what) {
      const sent = zipped ? await compress(what.body) : what.body;
      try {
        return await exchange(sent, what);
      } catch (error) {
        if (!(error instanceof StaleConnection)) throw error;
        return exchange(sent, what);
      }
    },
    close: () => agent.destroy(),
  };
}

/** Otherwise each push would fail, as if that could get better, or the receiver be called untrusted. */
function checkTls({ ca, ...own }: OtlpSettings['tls']): void {
  const check = (variables: string, has: string, attempt: () => unknown): void => {
    try {
      attempt();
    } catch (error) {
      const { code = 'no reason' } = error as NodeJS.ErrnoException;
      throw usageError(`${variables} cannot be used (${code}): give ${has}`);
    }
  };
  // What is no certificate Node takes for none.
  if (ca) check('OTEL_EXPORTER_OTLP_CERTIFICATE', 'a file of PEM', () => new X509Certificate(ca));
  check(
    'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _CLIENT_KEY',
    'files of PEM, the key that of the certificate and without a passphrase',
    () => createSecureContext(own),
  );
}

/** The receiver closed the kept connection while the request was on its way: nothing was wrong with either. */
class StaleConnection extends Error {}

const STALE: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE']);

function timedOut(ms: number): Error {
  return Object.assign(new Error(`no answer within ${Math.round(ms)} ms`), { code: 'ETIMEDOUT' });
}
