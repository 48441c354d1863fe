// SPDX-License-Identifier: Apache-2.0
import { resourceFromAttributes } from '@opentelemetry/resources';
import { Ledger } from '../../src/ledger/ledger.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import { createMetricProducer } from '../../src/otel/producer.ts';
import { prometheusPage } from '../../src/otel/prometheus.ts';
import { type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

describe('the Prometheus page', () => {
  const resource = resourceFromAttributes({ 'service.name': 'joules' });
  const pageOf = (spec: SnapshotSpec | undefined): Promise<string> => {
    const ledger = new Ledger(DEFAULT_LIMITS);
    if (spec) ledger.add(snapshotOf(spec));
    return prometheusPage(createMetricProducer({ reader: ledger.reader(), mode: 'scrape' }), resource);
  };

  it('names metrics with their unit in words and _total', async () => {
    const page = await pageOf({ processes: [{ pid: 1, energy_j: 11.5 }] });
    expect([...page.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name]) => name)).toEqual([
      'hw_energy_joules_total',
      'process_energy_joules_total',
      'container_energy_joules_total',
      'cgroup_energy_joules_total',
      'energy_unattributed_joules_total',
      'energy_agent_switches_total',
      'energy_agent_lost_total',
      'energy_agent_rebinds_total',
      'energy_agent_gaps_total',
      'energy_agent_resets_total',
      'energy_agent_wraps_total',
      'energy_agent_cpu_time_seconds_total',
      'energy_agent_energy_joules_total',
    ]);
    expect(page).toContain('target_info{service_name="joules"} 1\n');
    expect(page).toContain(
      'hw_energy_joules_total{hw_id="core:0:0",hw_name="core 0:0",hw_type="cpu",energy_source_kind="measured"} 12.5\n',
    );
  });

  it('keeps one line per sample whatever a process calls itself', async () => {
    const name = 'a"b\\c\nd\re\u001b[31m\0\u2028\u0085\u202e up 1';
    const page = await pageOf({ processes: [{ pid: 1, executable: name, energy_j: 2 }] });
    const samples = page
      .split(/[\r\n\u0085\u2028\u2029]/)
      .filter((line) => line.startsWith('process_energy') && line.endsWith(' 2'));
    expect(samples).toEqual([
      expect.stringContaining(
        String.raw`process_executable_name="a\"b\\c\nd␍e␛[31m␀` + '\ufffd\ufffd\ufffd up 1",hw_type="cpu"',
      ),
    ]);
    // oxlint-disable-next-line no-control-regex
    expect(page).not.toMatch(/[\0-\t\v-\x1f\x7f-\x9f\u2028\u2029\p{Bidi_Control}]/u);
  });

  it('has no samples of energy before the first interval', async () => {
    expect(await pageOf(undefined)).not.toMatch(/energy/);
  });
});
