// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { basename } from 'node:path';
import { serve } from '../http/server.ts';
import { SCOPE_VERSION } from '../otel/semconv.ts';
import { readRecording } from '../recording/read.ts';
import { Tape } from '../recording/tape.ts';
import { parseAddress } from '../settings/address.ts';
import { parseOptions } from '../settings/options.ts';
import { createPage } from '../web/server/page.ts';
import { complain } from './print.ts';
import { recordingOf, spanIn } from './replay.ts';
import { ignoreDebugger, onStop } from './signals.ts';

/** Beside the agent, which may run as well. */
const ADDRESS = { host: '127.0.0.1', port: 9465 } as const;

/** `joules page FILE`: a recording, or a part of it, as the history of a page, until SIGINT or SIGTERM. */
export async function page(args: readonly string[]): Promise<number> {
  const { own, operands } = parseOptions('page', args);
  const path = recordingOf('page', operands);
  const address = (own.listen === undefined ? undefined : parseAddress(own.listen)) ?? ADDRESS;
  const stopping = new AbortController();
  ignoreDebugger();
  const tape = await Tape.open(path, { complain });
  const span = spanIn(tape, own);
  const shown = createPage({
    host: basename(path),
    agent: SCOPE_VERSION,
    namesProcesses: true,
    recordedMs: span.to - span.from,
  });
  let isBegun = false;
  for await (const snapshot of readRecording(path, { span })) {
    if (!isBegun) {
      const { estimate, ...source } = snapshot.source;
      shown.begin(
        { source: { ...source, ...(estimate && { watts: estimate }) } },
        snapshot.interval_s * 1000,
      );
    }
    isBegun = true;
    shown.add(snapshot);
  }
  shown.finish();
  const server = await serve({ address, routes: shown.routes, log: complain });
  const release = onStop(() => stopping.abort());
  try {
    complain(`to look at it in a browser: ${server.origin}/`);
    if (server.isExposed)
      complain(
        'other machines may reach that: whoever does sees all that was recorded; leave out --listen to show it here',
      );
    if (!stopping.signal.aborted) await once(stopping.signal, 'abort');
  } finally {
    shown.close();
    await server.close();
    release();
  }
  return 0;
}
