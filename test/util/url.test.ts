// SPDX-License-Identifier: Apache-2.0
import { withoutSecrets } from '../../src/util/url.ts';

describe('a URL that is shown', () => {
  it.each([
    ['https://user:secret@host:4318/v1/metrics?key=secret#secret', 'https://host:4318/v1/metrics'],
    ['http://host/tenants/me@home', 'http://host/tenants/me@home'],
    ['http://us@er:sec@ret@host/path', 'http://host/path'],
  ])('%s is without user, password, query and fragment', (url, shown) => {
    expect(withoutSecrets(url)).toBe(shown);
  });

  it.each([
    ['user:secret@host:4318/path', '…@host:4318/path'],
    ['http://user:secret@host:port/path?key=secret', 'http://…@host:port/path?…'],
    ['host/path#secret', 'host/path?…'],
    ['host:4318', 'host:4318'],
  ])('%s, which is none, is so as well', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
  });
});
