// SPDX-License-Identifier: Apache-2.0
import { type OtlpSettings, publishSettings } from '../../src/settings/environment.ts';

const otlp = (env: NodeJS.ProcessEnv): OtlpSettings =>
  publishSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://receiver.example', ...env }).otlp!;

describe('how OTLP requests are made', () => {
  it('is plain, without headers and cumulative unless told otherwise', () => {
    expect(otlp({})).toMatchObject({ headers: {}, gzip: false, delta: false, tls: {} });
  });

  it('takes headers of all signals and of metrics, of which the latter win', () => {
    const { headers } = otlp({
      OTEL_EXPORTER_OTLP_HEADERS: ' Authorization = Basic%20YTpi== ,x-a=1',
      OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'X-A=2',
    });
    expect(headers).toEqual({ authorization: 'Basic YTpi==', 'x-a': '2' });
  });

  it.each(['no-value', '=x', 'a b=c', 'a=%zz', 'a=b%0d%0aevil: 1'])('refuses the header %s', (text) => {
    const read = (): unknown => otlp({ OTEL_EXPORTER_OTLP_HEADERS: `ok=s3cret,${text}` });
    expect(read).toThrow(expect.objectContaining({ code: 'EUSAGE', exitCode: 2 }));
    expect(read).not.toThrow(/s3cret|evil/);
  });

  it('knows gzip and delta in any case, and metrics by themselves', () => {
    expect(
      otlp({
        OTEL_EXPORTER_OTLP_COMPRESSION: 'GZIP',
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'Delta',
      }),
    ).toMatchObject({ gzip: true, delta: true });
    const metrics = {
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'none',
    };
    expect(otlp(metrics).gzip).toBe(false);
    expect(otlp({ OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'lowmemory' }).delta).toBe(false);
  });
});
