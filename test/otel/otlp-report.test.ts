// SPDX-License-Identifier: Apache-2.0
import { OtlpReport } from '../../src/otel/otlp-report.ts';

describe('what becomes of pushed metrics is told', () => {
  it('when they arrive for the first time, when an outage begins, and when it ends', () => {
    const [log, tell]: [string[], string[]] = [[], []];
    const report = new OtlpReport(
      'http://there/',
      (line) => log.push(line),
      (line) => tell.push(line),
    );
    for (const failure of [undefined, undefined, 'ECONNREFUSED', 'ECONNRESET', undefined, undefined])
      report.exported(failure);
    expect(tell).toEqual(['metrics arrive at http://there/']);
    expect(log).toEqual([
      expect.stringMatching(/^cannot send metrics to http:\/\/there\/ \(ECONNREFUSED\): /),
      'sending metrics to http://there/ again',
    ]);
  });

  it('as an outage that is over, where the first did not arrive', () => {
    const lines: string[] = [];
    const report = new OtlpReport(
      'http://there/',
      (line) => lines.push(line),
      (line) => lines.push(line),
    );
    for (const failure of ['ECONNREFUSED', undefined, undefined]) report.exported(failure);
    expect(lines).toEqual([expect.stringMatching(/^cannot send/), 'sending metrics to http://there/ again']);
  });
});
