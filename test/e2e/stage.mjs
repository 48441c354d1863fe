// SPDX-License-Identifier: Apache-2.0
// One agent with its back ends: who scrapes it, and where it pushes to.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAgent } from './agent.mjs';
import { pushedTo, startPrometheus, startVictoria } from './backends.mjs';
import { freePorts } from './processes.mjs';
import { startReceiver } from './receiver.mjs';
import { createTruth } from './truth.mjs';

/** Seconds between two pushes. */
const PUSH_SECONDS = 2;

/** `scrapes` are seconds: { prometheus, victoria }; `config` is the agent's. */
export async function openStage({ name, programs, own, config, scrapes, shopPort }) {
  const directory = join(own, name);
  mkdirSync(directory, { recursive: true });
  const [agentPort, prometheusPort, victoriaPort] = await freePorts(3);
  const targets = { joules: agentPort, shop: shopPort };
  const prometheus = await startPrometheus({
    program: programs.prometheus,
    directory: join(directory, 'prometheus'),
    port: prometheusPort,
    seconds: scrapes.prometheus,
    targets,
  });
  const victoria = await startVictoria({
    program: programs.victoria,
    directory: join(directory, 'victoria'),
    port: victoriaPort,
    seconds: scrapes.victoria,
    targets,
  });
  const receiver = await startReceiver(victoria.url);
  const truth = createTruth();
  const agent = createAgent({
    directory,
    port: agentPort,
    config,
    endpoint: receiver.endpoint,
    pushSeconds: PUSH_SECONDS,
    truth,
  });
  return {
    name,
    truth,
    agent,
    receiver,
    prometheus,
    /** Writes what is wrong beside what the agent and the back ends wrote. */
    keep: (title, what) => writeFileSync(join(directory, `${title}.json`), JSON.stringify(what)),
    views: [prometheus, victoria, pushedTo(victoria, PUSH_SECONDS)],
  };
}
