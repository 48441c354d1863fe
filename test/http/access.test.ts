// SPDX-License-Identifier: Apache-2.0
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { get as getSafely } from 'node:https';
import { join } from 'node:path';
import { connect as connectSafely } from 'node:tls';
import { text } from 'node:stream/consumers';
import { hashSync } from 'bcryptjs';
import { gateOf } from '../../src/http/authorization.ts';
import { sendLine, type Routes } from '../../src/http/router.ts';
import { type Access, type HttpServer, serve } from '../../src/http/server.ts';
import { parseAddress } from '../../src/settings/address.ts';
import { readToken, readWebConfig } from '../../src/settings/web-config.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const TOKEN = 'a-token-of-some-length';
const basic = (password: string, user = 'prometheus'): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

/** A certificate for localhost, signed by itself, and a file with its key. */
function certificate(directory: string, name: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...made, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'pipe',
  });
  return { cert, key };
}

describe('access to the HTTP server', () => {
  let server: HttpServer | undefined;
  let directory: string;
  let calls: number;
  const routes: Routes = {
    '/metrics': (_request, response) => {
      calls++;
      sendLine(response, 200, 'a page');
    },
  };
  const start = async (access: Partial<Access>): Promise<HttpServer> =>
    (server = await serve({ address: { host: '127.0.0.1', port: 0 }, routes, log: () => {}, ...access }));
  const webConfig = (...lines: string[]): string => {
    const file = join(directory, 'web.yml');
    writeFileSync(file, `${lines.join('\n')}\n`);
    return file;
  };

  beforeEach(() => {
    calls = 0;
    directory = temporaryDirectory();
  });
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  describe('by a Unix socket', () => {
    const ask = async (path: string): Promise<string> => {
      const request = get({ socketPath: path, path: '/metrics', agent: false });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return await text(response);
    };
    const listening = (options = ''): { readonly path: string; readonly started: Promise<HttpServer> } => {
      const path = join(directory, 'joules.sock');
      return { path, started: start({ address: parseAddress(`unix:${path}${options}`)! }) };
    };

    it('is for its owner, or for the group and by the mode that are given', async () => {
      const { path, started } = listening();
      expect(await started).toMatchObject({ origin: `unix:${path}`, isExposed: false });
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await ask(path)).toBe('a page\n');
      await server!.close();
      await listening(',group=0').started;
      expect(statSync(path)).toMatchObject({ mode: expect.anything(), gid: 0 });
      expect(statSync(path).mode & 0o777).toBe(0o660);
      await server!.close();
      await listening(',mode=666,group=0').started;
      expect(statSync(path).mode & 0o777).toBe(0o666);
    });

    it('takes the place of one that a killed process has left, and of nothing else', async () => {
      const { path, started } = listening();
      await started;
      await expect(listening().started).rejects.toMatchObject({ code: 'EADDRINUSE', exitCode: 2 });
      expect(await ask(path)).toBe('a page\n');
      await server!.close();
      // Whoever is killed leaves it.
      const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
      expect(() => execFileSync(process.execPath, ['-e', script])).toThrow();
      expect(statSync(path).isSocket()).toBe(true);
      await listening().started;
      expect(await ask(path)).toBe('a page\n');
      await server!.close();
      writeFileSync(path, 'something else');
      await expect(listening().started).rejects.toMatchObject({ code: 'EADDRINUSE' });
      server = undefined;
    });

    it('is answered by curl as a scraper would', async () => {
      const { path, started } = listening();
      await started;
      const { promise, resolve } = withResolvers();
      execFile('curl', ['-s', '--unix-socket', path, 'http://localhost/metrics'], (_error, stdout) =>
        resolve(stdout),
      );
      expect(await promise).toBe('a page\n');
    });
  });

  it('by a bearer token is for who has it', async () => {
    const file = join(directory, 'token');
    writeFileSync(file, `${TOKEN}\n`);
    const { origin } = await start({ token: readToken(file) });
    const ask = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${origin}/metrics`, { headers });
    const denied = await ask({});
    expect(denied.status).toBe(401);
    expect(denied.headers.get('www-authenticate')).toBe('Basic realm="joules", charset="UTF-8", Bearer');
    for (const wrong of [`Bearer ${TOKEN}x`, 'Bearer', `Basic ${TOKEN}`, TOKEN])
      expect((await ask({ authorization: wrong })).status).toBe(401);
    expect(calls).toBe(0);
    expect(await (await ask({ authorization: `bearer ${TOKEN}` })).text()).toBe('a page\n');
  });

  it('by a bearer token is for people, too, whose browser asks for a password of any user', async () => {
    const users = new Map([['prometheus', hashSync('right', 4)]]);
    for (const more of [{}, { users }]) {
      const { origin } = await start({ token: TOKEN, ...more });
      const status = async (headers: Record<string, string>): Promise<number> =>
        (await fetch(`${origin}/metrics`, { headers })).status;
      expect(await status(basic(`${TOKEN}x`, 'me'))).toBe(401);
      expect(await status(basic('', 'me'))).toBe(401);
      expect(await status(basic(TOKEN, 'me'))).toBe(200);
      expect(await status(basic(TOKEN, ''))).toBe(200);
      expect(await status(basic('right'))).toBe('users' in more ? 200 : 401);
      await server!.close();
    }
  });

  it('by passwords is for users that the file names', async () => {
    const file = webConfig('basic_auth_users:', `  prometheus: ${hashSync('right', 4)}`);
    const { origin } = await start(readWebConfig(file));
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${origin}/metrics`, { headers })).status;
    expect(await status({})).toBe(401);
    expect(await status(basic('wrong'))).toBe(401);
    expect(await status(basic('right', 'nobody'))).toBe(401);
    expect(await status(basic('right', '__proto__'))).toBe(401);
    expect(calls).toBe(0);
    expect(await status(basic('right'))).toBe(200);
    expect(await status(basic('right'))).toBe(200);
    expect(calls).toBe(2);
  });

  it('by passwords looks at a few at a time, and at none that it knows', async () => {
    const gate = gateOf({ token: undefined, users: new Map([['prometheus', hashSync('right', 4)]]) })!;
    const judge = (password: string): Promise<string> => gate.judge(basic(password)['authorization']);
    expect(await judge('right')).toBe('allowed');
    const guesses = Array.from({ length: 40 }, (_, i) => judge(`guess ${i}`));
    expect(await judge('right')).toBe('allowed');
    const verdicts = await Promise.all(guesses);
    expect(verdicts.filter((verdict) => verdict === 'denied')).toHaveLength(8);
    expect(verdicts.filter((verdict) => verdict === 'busy')).toHaveLength(32);
    expect(await judge('wrong')).toBe('denied');
  });

  describe('over TLS', () => {
    const ask = async (ca: string, more: object = {}): Promise<string> => {
      const options = { ca: readFileSync(ca), agent: false, ...more };
      const request = getSafely(`${server!.origin}/metrics`, options);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return `${response.statusCode} ${await text(response)}`;
    };

    it('is answered by the certificate of the file, and in the clear not at all', async () => {
      const { cert } = certificate(directory, 'server');
      const file = webConfig(
        'tls_server_config:',
        '  cert_file: server.crt',
        '  key_file: server.key',
        '  min_version: TLS13',
      );
      const { origin } = await start(readWebConfig(file));
      expect(origin).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
      expect(await ask(cert)).toBe('200 a page\n');
      await expect(ask(cert, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
      await expect(fetch(origin.replace('https', 'http'))).rejects.toThrow();
      expect(calls).toBe(1);
    });

    it('asks for a certificate of the client where the file says so', async () => {
      const { cert } = certificate(directory, 'server');
      const client = certificate(directory, 'client');
      const other = certificate(directory, 'other');
      const file = webConfig(
        'tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: client.crt,',
        '  client_auth_type: RequireAndVerifyClientCert}',
      );
      await start(readWebConfig(file));
      const showing = (one: { readonly cert: string; readonly key: string }): object => ({
        cert: readFileSync(one.cert),
        key: readFileSync(one.key),
      });
      expect(await ask(cert, showing(client))).toBe('200 a page\n');
      await expect(ask(cert)).rejects.toThrow();
      await expect(ask(cert, showing(other))).rejects.toThrow();
      expect(calls).toBe(1);
    });

    it('cuts off who sends a request before the last one was answered', async () => {
      const { cert } = certificate(directory, 'server');
      const file = webConfig('tls_server_config: {cert_file: server.crt, key_file: server.key}');
      const { origin } = await start(readWebConfig(file));
      const eager = connectSafely({
        port: Number(new URL(origin).port),
        host: '127.0.0.1',
        ca: readFileSync(cert),
      });
      eager.on('error', () => {}).resume();
      const closed = once(eager, 'close');
      await once(eager, 'secureConnect');
      eager.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100));
      await closed;
      expect(calls).toBe(1);
      expect(await ask(cert)).toBe('200 a page\n');
    });
  });

  it('is refused where a file is not as it must be, in a sentence without secrets', () => {
    certificate(directory, 'server');
    const why = (...lines: string[]): string => {
      try {
        readWebConfig(webConfig(...lines));
        return 'taken';
      } catch (error) {
        return (error as Error).message.replace(`${directory}/`, '');
      }
    };
    const tls = 'tls_server_config: {cert_file: server.crt, key_file: server.key';
    expect(why('{')).toMatch(/^web\.yml: this is not YAML that can be read: /);
    expect(why('- 1')).toMatch(/^web\.yml must be a mapping/);
    expect(why(`${tls}, cipher_suites: [A]}`)).toBe(
      'web.yml: key tls_server_config.cipher_suites is not supported',
    );
    expect(why(`${tls}, min_version: TLS10}`)).toBe(
      'web.yml: key tls_server_config.min_version must be TLS12 or TLS13',
    );
    expect(why(`${tls}, min_version: TLS13, max_version: TLS12}`)).toMatch(/must not be above/);
    expect(why(`${tls}, client_ca_file: server.crt}`)).toMatch(/need each other/);
    expect(why('tls_server_config: {cert_file: server.crt}')).toBe(
      'web.yml: key tls_server_config.key_file is missing, or no mapping',
    );
    expect(why('tls_server_config: {cert_file: nowhere.crt, key_file: server.key}')).toMatch(
      /cert_file .*ENOENT/,
    );
    const plain = why('basic_auth_users: {prometheus: secret}');
    expect(plain).toMatch(/^web\.yml: key basic_auth_users\.prometheus must be a hash of bcrypt/);
    expect(plain).not.toContain('secret');
    const token = join(directory, 'token');
    writeFileSync(token, 'two words of some length');
    expect(() => readToken(token)).toThrow(/must have a token/);
    expect(() => readToken(token)).not.toThrow(/words/);
  });
});

describe('an address', () => {
  it('is a host and a port, or a Unix socket', () => {
    expect(parseAddress('[::1]:9464')).toEqual({ host: '::1', port: 9464 });
    expect(parseAddress('localhost:0')).toEqual({ host: 'localhost', port: 0 });
    expect(parseAddress('unix:/run/j.sock')).toEqual({ path: '/run/j.sock', mode: 0o600, group: undefined });
    expect(parseAddress('unix:/run/j.sock,mode=0640,group=prometheus')).toEqual({
      path: '/run/j.sock',
      mode: 0o640,
      group: 'prometheus',
    });
    for (const wrong of [
      '9464',
      ':9464',
      'a:65536',
      'unix:relative',
      'unix:/a,mode=9',
      'unix:/a,b',
      '::1:9464',
      '',
    ])
      expect(parseAddress(wrong)).toBeUndefined();
  });
});

function withResolvers(): { readonly promise: Promise<string>; readonly resolve: (text: string) => void } {
  let resolve!: (text: string) => void;
  const promise = new Promise<string>((given) => (resolve = given));
  return { promise, resolve };
}
