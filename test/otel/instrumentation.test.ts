// SPDX-License-Identifier: Apache-2.0
import { diag } from '@opentelemetry/api';
import { energyInstrumentation, EnergyMetricProducer } from '../../src/index.ts';

// What cannot be measured: whose turn it is to export shows all the same.
const NOWHERE = { source: 'estimated', root: '/nowhere' };

let said: string[];
beforeEach(() => {
  said = [];
  const log = (message: string): void => void said.push(message);
  diag.setLogger({ error: () => {}, warn: log, info: () => {}, debug: () => {}, verbose: () => {} });
});
afterEach(() => diag.disable());

describe('in one process', () => {
  it('an instrumentation beside a producer exports nothing and says so, once', async () => {
    const producer = new EnergyMetricProducer(NOWHERE);
    const instrumentation = energyInstrumentation(NOWHERE);
    // SDKs enable it twice.
    instrumentation.enable();
    instrumentation.enable();
    expect(instrumentation.getConfig()).toEqual({ enabled: false });
    expect(said).toEqual([
      'otel-ebpf-energy: energyInstrumentation() exports nothing, since EnergyMetricProducer in this process does ' +
        'already and every Joule would be there twice: use one of them',
    ]);
    await producer.shutdown();
    instrumentation.enable();
    expect(instrumentation.getConfig()).toEqual({ enabled: true });
    await instrumentation.shutdown();
  });

  it('a producer beside an instrumentation exports nothing and says so, once, when it is collected', async () => {
    const instrumentation = energyInstrumentation(NOWHERE);
    instrumentation.enable();
    const producer = new EnergyMetricProducer(NOWHERE);
    expect(said).toEqual([]);
    for (let i = 0; i < 2; i++) {
      const { resourceMetrics, errors } = await producer.collect();
      expect({ metrics: resourceMetrics.scopeMetrics, errors }).toEqual({ metrics: [], errors: [] });
    }
    expect(said).toEqual([expect.stringMatching(/EnergyMetricProducer exports nothing, since energyInstr/)]);
    await producer.shutdown();
    await instrumentation.shutdown();
  });

  it('two instrumentations are one too many', async () => {
    const [first, second] = [energyInstrumentation(NOWHERE), energyInstrumentation(NOWHERE)];
    first.enable();
    second.enable();
    expect([first.getConfig().enabled, second.getConfig().enabled]).toEqual([true, false]);
    expect(said).toHaveLength(1);
    await Promise.all([first.shutdown(), second.shutdown()]);
  });

  it('producers are as many as there are readers', async () => {
    const producers = [new EnergyMetricProducer(NOWHERE), new EnergyMetricProducer(NOWHERE)];
    const collected = await Promise.all(producers.map((producer) => producer.collect()));
    expect(collected.map(({ errors }) => errors.length)).toEqual([1, 1]);
    expect(said).toEqual([]);
    await Promise.all(producers.map((producer) => producer.shutdown()));
  });
});
