// SPDX-License-Identifier: Apache-2.0
import { otlpRequests } from '../../src/otel/otlp-environment.ts';

describe('how OTLP requests are made', () => {
  it('is plain, without headers and cumulative unless told otherwise', () => {
    expect(otlpRequests({})).toEqual({ headers: {}, gzip: false, delta: false, tls: {} });
  });

  it('takes headers of all signals and of metrics, of which the latter win', () => {
    const { headers } = otlpRequests({
      OTEL_EXPORTER_OTLP_HEADERS: ' Authorization = Basic%20YTpi== ,x-a=1, ,x-b=',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'X-A=2',
    });
    expect(headers).toEqual({ authorization: 'Basic YTpi==', 'x-a': '2', 'x-b': '' });
  });

  it.each(['no-value', '=x', 'a b=c', 'a=%zz', 'a=b%0d%0aevil: 1'])(
    'refuses the headers %s without telling them',
    (text) => {
      const read = (): unknown => otlpRequests({ OTEL_EXPORTER_OTLP_HEADERS: `ok=s3cret,${text}` });
      expect(read).toThrow(expect.objectContaining({ code: 'EUSAGE', exitCode: 2 }));
      expect(read).toThrow(/^OTEL_EXPORTER_OTLP_HEADERS has a header that is none, [^\n]*$/);
      expect(read).not.toThrow(/s3cret|evil/);
    },
  );

  it('names the variable of a certificate that cannot be read', () => {
    expect(() => otlpRequests({ OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: '/nonexistent/ca.pem' })).toThrow(
      'OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE names a file that cannot be read (ENOENT): /nonexistent/ca.pem',
    );
  });

  it('knows gzip and delta in any case', () => {
    expect(
      otlpRequests({
        OTEL_EXPORTER_OTLP_COMPRESSION: 'GZIP',
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta',
      }),
    ).toMatchObject({ gzip: true, delta: true });
    expect(
      otlpRequests({ OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip', OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'none' })
        .gzip,
    ).toBe(false);
  });
});
