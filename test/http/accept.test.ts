// SPDX-License-Identifier: Apache-2.0
import { acceptsGzip, mediaQuality } from '../../src/http/accept.ts';

const openMetrics = (accept: string): ReturnType<typeof mediaQuality> =>
  mediaQuality(accept, 'application/openmetrics-text', '1.0.0');
const text = (accept: string): ReturnType<typeof mediaQuality> => mediaQuality(accept, 'text/plain', '0.0.4');

describe('what a client accepts', () => {
  it('is weighed by q, the most specific range first', () => {
    // As Prometheus 2.53 asks.
    const prometheus =
      'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
    expect(openMetrics(prometheus)).toEqual({ quality: 0.5, named: true });
    expect(text(prometheus)).toEqual({ quality: 0.3, named: true });
    expect(text('text/*;q=0.7, */*;q=0.9')).toEqual({ quality: 0.7, named: false });
    expect(openMetrics('text/html, */*;q=0.8')).toEqual({ quality: 0.8, named: false });
  });

  it('is nothing at q=0, for another version, or where q is no number', () => {
    expect(openMetrics('application/openmetrics-text;q=0').quality).toBe(0);
    expect(openMetrics('application/openmetrics-text; version=0.0.1').quality).toBe(0);
    expect(openMetrics('application/openmetrics-text; q=x').quality).toBe(0);
    expect(openMetrics('').quality).toBe(0);
  });

  it('may be written in any case, with quotes and spaces', () => {
    expect(openMetrics('Application/OpenMetrics-Text ; Version="1.0.0" ; Q=0.4').quality).toBe(0.4);
  });

  it('allows gzip only where the client says so', () => {
    for (const header of ['gzip', 'deflate, GZIP;q=0.5', '*', 'x-gzip'])
      expect(acceptsGzip(header)).toBe(true);
    for (const header of ['', 'identity', 'gzip;q=0', '*;q=0', 'br', 'gzip;q=0, *']) {
      expect(acceptsGzip(header)).toBe(false);
    }
  });
});
