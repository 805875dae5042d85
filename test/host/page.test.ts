import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { securityHeaders } from '../../engine/transport/headers.ts';
import { openPage } from '../../engine/transport/page.ts';
import { type LoopbackServer, connectLoopback, listenLoopback } from '../../engine/transport/websocket.ts';
import { type Answer, INDEX, SCRIPT, ask, build, sendRaw } from './room.ts';

const serve = (folder: string): Promise<LoopbackServer> =>
  listenLoopback(() => {}, {
    room: openPage(folder),
    page: (asked, response) => {
      if (!asked.url?.startsWith('/metrics')) return false;
      response.end('up 1\n');
      return true;
    },
  });

/** What every answer must say, whatever it is. */
function guarded({ headers }: Pick<Answer, 'headers'>, what: string): void {
  const policy = String(headers['content-security-policy']);
  for (const rule of ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"])
    assert.ok(policy.includes(rule), `${what}: ${policy}`);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/, what);
  assert.equal(headers['x-frame-options'], 'DENY', what);
  assert.equal(headers['x-content-type-options'], 'nosniff', what);
  assert.equal(headers['referrer-policy'], 'no-referrer', what);
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin', what);
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin', what);
  const shared = Object.keys(headers).filter((name) => name.startsWith('access-control-'));
  assert.deepEqual(shared, [], what);
}

describe('the room’s page over loopback', { timeout: 300_000 }, () => {
  test('is given without a token, each time with another nonce', async () => {
    using folder = build();
    await using server = await serve(folder.path);
    const nonces = new Set<string>();
    for (const path of ['/', '/index.html', '/?once']) {
      const page = await ask(server.port, path);
      assert.equal(page.status, 200);
      assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
      assert.equal(page.headers['cache-control'], 'no-store');
      const nonce = /'nonce-([^']+)'/.exec(String(page.headers['content-security-policy']))?.[1] ?? '';
      assert.equal(Buffer.from(nonce, 'base64').length, 16);
      assert.equal(page.body.toString(), INDEX.replace('__NONCE__', nonce));
      assert.ok(!page.body.includes(server.token));
      nonces.add(nonce);
    }
    assert.equal(nonces.size, 3);
  });

  test('may connect to its own engine and load its own build, and that is all', async () => {
    using folder = build();
    await using server = await serve(folder.path);
    const { headers } = await ask(server.port, '/');
    const policy = Object.fromEntries(
      String(headers['content-security-policy'])
        .split('; ')
        .map((rule) => [rule.split(' ')[0], rule.split(' ').slice(1).join(' ')]),
    );
    assert.equal(policy['connect-src'], `'self' ws://127.0.0.1:${server.port} ws://localhost:${server.port}`);
    assert.equal(policy['script-src'], "'self'");
    assert.match(policy['style-src'] ?? '', /^'self' 'nonce-[\w+/=]+'$/);
    assert.equal(policy['img-src'], "'self' data:");
    assert.equal(policy['font-src'], "'self'");
    const elsewhere = securityHeaders({ nonce: 'x', connect: [] })['content-security-policy'];
    assert.match(elsewhere ?? '', /connect-src 'none'/);
  });

  test('comes compressed as the client can take it, and is kept by it for ever', async () => {
    using folder = build({
      'index.html': INDEX,
      'main-ABCD2345.js': SCRIPT,
      'style.css': 'a{}',
      'font-ABCD2345.woff2': 'x'.repeat(4_000),
    });
    await using server = await serve(folder.path);
    const read: Record<string, (body: Buffer) => Buffer> = {
      br: brotliDecompressSync,
      gzip: gunzipSync,
      '': (body) => body,
    };
    const cases = [
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip', 'gzip'],
      ['br;q=0, gzip;q=0.5', 'gzip'],
      ['identity', ''],
      ['', ''],
    ] as const;
    for (const [taken, used] of cases) {
      const script = await ask(server.port, '/main-ABCD2345.js', { 'accept-encoding': taken });
      assert.equal(script.headers['content-encoding'] ?? '', used, taken);
      assert.equal(script.headers['vary'], 'accept-encoding');
      assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8');
      assert.match(String(script.headers['cache-control']), /immutable/);
      assert.equal(read[used]?.(script.body).toString(), SCRIPT, taken);
      assert.equal(Number(script.headers['content-length']), script.body.length);
      if (used !== '') assert.ok(script.body.length < SCRIPT.length / 10);
    }
    const style = await ask(server.port, '/style.css', { 'accept-encoding': 'br' });
    assert.deepEqual(
      [style.headers['content-encoding'], style.headers['cache-control']],
      [undefined, 'no-store'],
      'no hash in its name, and too small',
    );
    const font = await ask(server.port, '/font-ABCD2345.woff2', { 'accept-encoding': 'br' });
    assert.deepEqual([font.headers['content-encoding'], font.headers['content-type']], [undefined, 'font/woff2']);
  });

  test('is a list of files, and nothing else of the disk', async () => {
    using outside = build({ 'secret.txt': 'secret' });
    using folder = build({
      'index.html': INDEX,
      'deep/part.js': 'deep',
      '.hidden.js': 'secret',
      '.git/config.json': 'secret',
      'map.js.map': 'secret',
      'odd name.js': 'secret',
    });
    symlinkSync(join(outside.path, 'secret.txt'), join(folder.path, 'link.txt'));
    symlinkSync(outside.path, join(folder.path, 'linked'));
    await using server = await serve(folder.path);
    assert.equal((await ask(server.port, '/deep/part.js')).body.toString(), 'deep');
    // Written after the first request: the list was made then.
    writeFileSync(join(folder.path, 'late.js'), 'late');
    const up = outside.path.split('/').at(-1);
    for (const path of [
      '/deep',
      '/deep/',
      '/link.txt',
      '/linked/secret.txt',
      '/.hidden.js',
      '/.git/config.json',
      '/map.js.map',
      '/odd%20name.js',
      '/late.js',
      `/../${up}/secret.txt`,
      `/deep/../../${up}/secret.txt`,
      `/%2e%2e/${up}/secret.txt`,
      `/..%2f${up}%2fsecret.txt`,
      `/..\\${up}\\secret.txt`,
      `/${outside.path}/secret.txt`,
      '/deep/part.js/',
      '/deep//part.js',
      '//deep/part.js',
      '/DEEP/part.js',
      '/deep/part.js%00',
      '/constructor',
      '/__proto__',
    ]) {
      const { status, body, headers } = await ask(server.port, path);
      assert.equal(status, 401, path);
      assert.ok(!body.includes('secret'), path);
      guarded({ headers }, path);
    }
  });

  test('is read, and nothing more: other methods are refused', async () => {
    using folder = build();
    await using server = await serve(folder.path);
    const head = await ask(server.port, '/main-ABCD2345.js', {}, 'HEAD');
    assert.deepEqual([head.status, head.body.length, Number(head.headers['content-length'])], [200, 0, SCRIPT.length]);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      for (const path of ['/', '/contract', `/metrics?token=${server.token}`]) {
        const { status, headers } = await ask(server.port, path, {}, method);
        assert.deepEqual([status, headers['allow']], [405, 'GET, HEAD'], `${method} ${path}`);
        guarded({ headers }, `${method} ${path}`);
      }
    }
  });

  test('every answer carries the guarding headers, the refused ones too', async () => {
    using folder = build();
    await using server = await serve(folder.path);
    const { port, token } = server;
    const right = `Bearer ${token}`;
    const cases: [number, string, Record<string, string>][] = [
      [200, '/', {}],
      [200, '/main-ABCD2345.js', {}],
      [200, '/metrics', { authorization: right }],
      [401, '/metrics', {}],
      [401, '/favicon.ico', {}],
      [404, '/else', { authorization: right }],
      [403, '/', { origin: 'https://evil.example' }],
      [421, '/', { host: `evil.example:${port}` }],
    ];
    for (const [status, path, headers] of cases) {
      const answer = await ask(port, path, headers);
      assert.equal(answer.status, status, path);
      guarded(answer, `${status} ${path}`);
    }
    const host = `Host: 127.0.0.1:${port}\r\n`;
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
    const raw: [number, string][] = [
      [421, 'GET / HTTP/1.1\r\n\r\n'],
      [400, 'garbage\r\n\r\n'],
      [400, `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`],
      [401, `GET // HTTP/1.1\r\n${host}Connection: close\r\n\r\n`],
      [401, `GET http://[ HTTP/1.1\r\n${host}Connection: close\r\n\r\n`],
      [200, `GET / HTTP/1.1\r\n${host}Expect: nonsense\r\nConnection: close\r\n\r\n`],
      [401, `GET // HTTP/1.1\r\n${host}${upgrade}\r\n`],
      [401, `GET /contract HTTP/1.1\r\n${host}${upgrade}\r\n`],
      [
        400,
        `GET /contract HTTP/1.1\r\n${host}${upgrade.replace('13', '99')}Sec-WebSocket-Protocol: firebreak.v1, token.${token}\r\n\r\n`,
      ],
    ];
    for (const [status, text] of raw) {
      const [first = '', ...lines] = (await sendRaw(port, text)).split('\r\n');
      assert.match(first, new RegExp(`^HTTP/1.1 ${status} `), text.slice(0, 80));
      guarded(
        {
          headers: Object.fromEntries(
            lines.map((line) => [line.split(': ')[0]?.toLowerCase(), line.split(': ').slice(1).join(': ')]),
          ),
        },
        text.slice(0, 80),
      );
    }
    assert.equal((await ask(port, '/')).status, 200, 'and the engine lives on');
  });

  test('what another site could make a browser ask for is refused, a followed link is not', async () => {
    using folder = build();
    await using server = await serve(folder.path);
    for (const site of ['cross-site', 'same-site']) {
      for (const [mode, dest] of [
        ['no-cors', 'script'],
        ['no-cors', 'image'],
        ['cors', 'empty'],
        ['navigate', 'iframe'],
        ['navigate', 'object'],
        ['websocket', 'websocket'],
      ] as const) {
        const asked = { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest };
        assert.equal((await ask(server.port, '/main-ABCD2345.js', asked)).status, 403, `${site} ${dest}`);
        assert.equal((await ask(server.port, `/metrics?token=${server.token}`, asked)).status, 403, `${site} ${dest}`);
      }
      assert.equal(
        (
          await ask(server.port, '/', {
            'sec-fetch-site': site,
            'sec-fetch-mode': 'navigate',
            'sec-fetch-dest': 'document',
          })
        ).status,
        200,
      );
    }
    for (const site of ['same-origin', 'none'])
      assert.equal((await ask(server.port, '/main-ABCD2345.js', { 'sec-fetch-site': site })).status, 200, site);
  });

  test('a token in the address opens nothing for the contract, and too many connections are told so', async () => {
    using folder = build();
    await using server = await listenLoopback(() => {}, { room: openPage(folder.path), maxConnections: 2 });
    const knock = async (url: string, protocols: string[]): Promise<number> => {
      const socket = new WebSocket(url, protocols);
      socket.on('error', () => {});
      const status = new Promise<number>((resolve) =>
        socket
          .on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
          .on('open', () => resolve(101)),
      );
      try {
        return await status;
      } finally {
        socket.terminate();
      }
    };
    assert.equal(await knock(`ws://127.0.0.1:${server.port}/contract?token=${server.token}`, ['firebreak.v1']), 401);
    const held = [await connectLoopback(server.url), await connectLoopback(server.url)];
    assert.equal(await knock(`ws://127.0.0.1:${server.port}/contract`, ['firebreak.v1', `token.${server.token}`]), 503);
    assert.equal((await ask(server.port, '/')).status, 200, 'the page is still there');
    for (const port of held) port.close();
  });

  test('a folder without a build says what to run, until there is one', async () => {
    using folder = build({});
    await using server = await serve(folder.path);
    const before = await ask(server.port, '/');
    assert.equal(before.status, 503);
    assert.match(before.body.toString(), /npm start/);
    guarded(before, 'missing');
    assert.equal((await ask(server.port, '/main-ABCD2345.js')).status, 401);
    writeFileSync(join(folder.path, 'index.html'), INDEX);
    assert.equal((await ask(server.port, '/')).status, 200);
  });

  test('stopping while a page is being read does not hang', async () => {
    using folder = build();
    const server = await serve(folder.path);
    const socket = new WebSocket(server.url.replace(/#.*/, ''), ['firebreak.v1', `token.${server.token}`]);
    await once(socket, 'open');
    await ask(server.port, '/');
    const closed = once(socket, 'close');
    await server[Symbol.asyncDispose]();
    assert.equal((await closed)[0], 1001);
  });
});
