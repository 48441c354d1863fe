// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { isExpectedHost } from '../../src/http/host.ts';

describe('the Host of a request', () => {
  it('is a loopback name, an address, or the own name, where a request comes over loopback', () => {
    const own = hostname().toLowerCase();
    for (const host of [
      'localhost',
      'LOCALHOST:9464',
      'localhost.:9464',
      'joules.localhost:9464',
      '127.0.0.1:9464',
      '[::1]:9464',
      '192.0.2.7',
      own,
      `${own}:9464`,
      'node-7.example:9464',
    ]) {
      expect([host, isExpectedHost(host, '127.0.0.1', 'node-7.example')]).toEqual([host, true]);
    }
  });

  it('is not a name of somebody else, who may have had it resolved to loopback', () => {
    for (const host of [
      'evil.example',
      'localhost.evil.example:9464',
      'evil.example:9464',
      '127.0.0.1.evil.example',
      '',
    ]) {
      for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
        expect([host, isExpectedHost(host, address, '127.0.0.1')]).toEqual([host, false]);
      }
    }
  });

  it('is whatever names the machine where it was opened to the network', () => {
    expect(isExpectedHost('joules.monitoring.svc:9464', '10.1.2.3', '0.0.0.0')).toBe(true);
    expect(isExpectedHost(undefined, '127.0.0.1', '127.0.0.1')).toBe(true);
  });
});
