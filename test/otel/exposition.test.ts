// SPDX-License-Identifier: Apache-2.0
import { type Attributes, ValueType } from '@opentelemetry/api';
import { AggregationTemporality, DataPointType, type ScopeMetrics } from '@opentelemetry/sdk-metrics';
import { type Format, page } from '../../src/otel/exposition.ts';
import { atOnce } from '../../src/util/cooperative.ts';

interface Point {
  readonly value: number;
  readonly attributes?: Attributes;
}

function sums(name: string, unit: string, points: readonly Point[], isMonotonic = true): ScopeMetrics {
  return {
    scope: { name: 'joules' },
    metrics: [
      {
        descriptor: { name, unit, description: 'What "it" is, in \\ words', valueType: ValueType.DOUBLE },
        dataPointType: DataPointType.SUM,
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        isMonotonic,
        dataPoints: points.map(({ value, attributes = {} }) => ({
          value,
          attributes,
          startTime: [1_767_225_600, 70_000_000],
          endTime: [1_767_225_660, 0],
        })),
      },
    ],
  };
}

const write = (scopes: readonly ScopeMetrics[], format: Format = 'text', resource: Attributes = {}): string =>
  atOnce(page(resource, scopes, format)).toString();

/** The labels of a point with these attributes. */
const labelsOf = (attributes: Attributes): string =>
  /^m_total(.*) 1$/m.exec(write([sums('m', '{x}', [{ value: 1, attributes }])]))![1]!;

describe('the text page', () => {
  it('names metrics with their unit in words and _total, and lists each once', () => {
    expect(
      write([
        sums('process.energy', 'J', [{ value: 1.5, attributes: { 'hw.type': 'cpu' } }, { value: 1e-9 }]),
        sums('energy.agent.cpu.time', 's', [{ value: 0 }]),
        sums('energy.agent.gaps', '{gap}', [{ value: 2 }]),
        sums('level', '{x}', [{ value: -3 }], false),
      ]),
    ).toBe(
      String.raw`# HELP process_energy_joules_total What "it" is, in \\ words
# TYPE process_energy_joules_total counter
process_energy_joules_total{hw_type="cpu"} 1.5
process_energy_joules_total 1e-9
# HELP energy_agent_cpu_time_seconds_total What "it" is, in \\ words
# TYPE energy_agent_cpu_time_seconds_total counter
energy_agent_cpu_time_seconds_total 0
# HELP energy_agent_gaps_total What "it" is, in \\ words
# TYPE energy_agent_gaps_total counter
energy_agent_gaps_total 2
# HELP level What "it" is, in \\ words
# TYPE level gauge
level -3
`,
    );
  });

  it('is the resource alone, in whole lines, where there are no metrics yet', () => {
    expect(write([], 'text', { 'service.name': 'joules' })).toBe(
      '# HELP target_info Resource that the metrics belong to\n# TYPE target_info gauge\ntarget_info{service_name="joules"} 1\n',
    );
    expect(write([])).toBe('');
  });

  it('has a metric of many points in one piece', () => {
    const points = Array.from({ length: 1234 }, (_, i) => ({ value: i, attributes: { i } }));
    const lines = write([sums('m', 'J', points)]).split('\n');
    expect(lines.slice(2, -1)).toEqual(points.map(({ value }) => `m_joules_total{i="${value}"} ${value}`));
  });

  it('is written in steps of at most 100 points', () => {
    const work = page(
      {},
      [
        sums(
          'm',
          'J',
          Array.from({ length: 1000 }, (_, i) => ({ value: i })),
        ),
      ],
      'text',
    );
    let steps = 0;
    while (!work.next().done) steps++;
    expect(steps).toBeGreaterThanOrEqual(10);
  });
});

describe('the OpenMetrics page', () => {
  it('has units, start times and an end', () => {
    expect(
      write(
        [
          sums('process.energy', 'J', [{ value: 1.5, attributes: { 'hw.type': 'cpu' } }]),
          sums('energy.agent.gaps', '{gap}', [{ value: 2 }]),
          sums('level', '{x}', [{ value: -3 }], false),
        ],
        'openmetrics',
        { 'service.name': 'joules' },
      ),
    ).toBe(
      String.raw`# TYPE target info
# HELP target Resource that the metrics belong to
target_info{service_name="joules"} 1
# TYPE process_energy_joules counter
# UNIT process_energy_joules joules
# HELP process_energy_joules What \"it\" is, in \\ words
process_energy_joules_total{hw_type="cpu"} 1.5
process_energy_joules_created{hw_type="cpu"} 1767225600.070
# TYPE energy_agent_gaps counter
# HELP energy_agent_gaps What \"it\" is, in \\ words
energy_agent_gaps_total 2
energy_agent_gaps_created 1767225600.070
# TYPE level gauge
# HELP level What \"it\" is, in \\ words
level -3
# EOF
`,
    );
  });

  it('has an end where there is nothing else', () => {
    expect(write([], 'openmetrics')).toBe('# EOF\n');
  });
});

describe('labels', () => {
  it('of several attributes with one name are one, of their values by the order of the names', () => {
    expect(labelsOf({ k8s_pod_name: 'c', 'k8s.pod.name': 'b', 'k8s-pod.name': 'a', x: 1 })).toBe(
      '{k8s_pod_name="a;b;c",x="1"}',
    );
    expect(labelsOf({ a__b: 1, 'a.b': 2 })).toBe('{a_b="2;1"}');
    expect(write([], 'text', { 'service.name': 'a', service_name: 'b' })).toContain(
      'target_info{service_name="a;b"} 1\n',
    );
  });

  it('do not begin with a digit, and have the characters that Prometheus allows', () => {
    expect(labelsOf({ '2nd.name': 'a', 'größe µm': 'b', '': 'c', '..': 'd' })).toBe(
      '{_="c;d",_2nd_name="a",gr_e_m="b"}',
    );
    expect(labelsOf({ '2nd': 'a', '.2nd': 'b' })).toBe('{_2nd="b;a"}');
  });

  it('leave to the scraper what it sets itself', () => {
    expect(labelsOf({ job: 'a', instance: 'b', 'otel.scope.name': 'c', 'exported.job': 'd' })).toBe(
      '{exported_job="d;a",exported_instance="b",exported_otel_scope_name="c"}',
    );
  });

  it('hold what is no string as JSON, and nothing that is undefined', () => {
    expect(labelsOf({ n: 1.5, b: false, list: ['x"', 'y'], none: undefined })).toBe(
      String.raw`{n="1.5",b="false",list="[\"x\\\"\",\"y\"]"}`,
    );
  });

  it('keep one line per sample whatever a process calls itself', () => {
    const name = 'a"b\\c\nd\re\u001b[31m\0\u2028\u0085\u202e up 1';
    const shown = labelsOf({ name, list: [name] });
    expect(shown.startsWith(String.raw`{name="a\"b\\c\nd␍e␛[31m␀` + '\ufffd\ufffd\ufffd up 1"')).toBe(true);
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\0-\x1f\x7f-\x9f\u2028\u2029\p{Bidi_Control}]/u);
  });
});
