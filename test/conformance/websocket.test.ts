import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { FirebreakError } from '../../engine/kernel/errors.ts';
import { type LoopbackServer, connectLoopback, listenLoopback } from '../../engine/transport/websocket.ts';

/** Who is let in, and what happens to the rest. */

/** The status that an upgrade was refused with, or 101. */
async function knock(server: LoopbackServer, protocols: string[], options: ClientOptions = {}, path = '/contract'): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols, options);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  socket.on('open', () => resolve(101));
  socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
  socket.on('error', reject);
  try {
    return await promise;
  } finally {
    socket.on('error', () => {});
    socket.terminate();
  }
}
async function get(server: LoopbackServer, path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  const asked = request({ host: '127.0.0.1', port: server.port, path, headers, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [import('node:http').IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  assert.equal(response.headers['access-control-allow-origin'], undefined);
  return { status: response.statusCode ?? 0, body };
}

describe('loopback WebSocket: who is let in', { timeout: 300_000 }, () => {
  const page: Parameters<typeof listenLoopback>[1] = {
    page: (asked, response) => {
      if (!asked.url?.startsWith('/metrics')) return false;
      response.end('up 1\n');
      return true;
    },
  };

  test('the right token, and nothing near it', async () => {
    await using server = await listenLoopback(() => {}, page);
    const proto = (token: string): string[] => ['firebreak.v1', `token.${token}`];
    assert.equal(await knock(server, proto(server.token)), 101);
    const flipped = (server.token[0] === 'A' ? 'B' : 'A') + server.token.slice(1);
    for (const wrong of [['firebreak.v1'], proto(flipped), proto(server.token.slice(0, -1)), proto(`${server.token}A`)]) {
      assert.equal(await knock(server, wrong), 401, wrong.join());
    }
    assert.equal(await knock(server, ['firebreak.v1'], {}, `/contract?token=${server.token}`), 401, 'not in the address');
    assert.equal(await knock(server, proto(server.token), {}, '/other'), 404);
    assert.match(server.token, /^[\w-]{43}$/);
  });

  test('two servers have two tokens', async () => {
    await using one = await listenLoopback(() => {});
    await using two = await listenLoopback(() => {});
    assert.notEqual(one.token, two.token);
    assert.equal(await knock(two, ['firebreak.v1', `token.${one.token}`]), 401);
  });

  test('a page of another site, with the token or without', async () => {
    await using server = await listenLoopback(() => {});
    const right = ['firebreak.v1', `token.${server.token}`];
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${server.port + 1}`, `https://127.0.0.1:${server.port}`,
      `http://127.0.0.1:${server.port}.evil.example`]) {
      assert.equal(await knock(server, right, { origin }), 403, origin);
    }
    for (const host of ['127.0.0.1', 'localhost']) {
      assert.equal(await knock(server, right, { origin: `http://${host}:${server.port}` }), 101);
    }
  });

  test('a rebound host name', async () => {
    await using server = await listenLoopback(() => {}, page);
    const right = ['firebreak.v1', `token.${server.token}`];
    for (const host of [`evil.example:${server.port}`, '127.0.0.1', `127.0.0.1.evil.example:${server.port}`, `0.0.0.0:${server.port}`]) {
      assert.equal(await knock(server, right, { headers: { host } }), 421, host);
      assert.equal((await get(server, `/metrics?token=${server.token}`, { host })).status, 421, host);
    }
  });

  test('plain requests need the token too', async () => {
    await using server = await listenLoopback(() => {}, page);
    assert.equal((await get(server, '/metrics')).status, 401);
    assert.equal((await get(server, '/metrics?token=guess')).status, 401);
    assert.deepEqual(await get(server, `/metrics?token=${server.token}`), { status: 200, body: 'up 1\n' });
    assert.deepEqual(await get(server, '/metrics', { authorization: `Bearer ${server.token}` }), { status: 200, body: 'up 1\n' });
    assert.equal((await get(server, '/metrics', { authorization: `Bearer ${server.token}`, origin: 'https://evil.example' })).status, 403);
    assert.equal((await get(server, `/else?token=${server.token}`)).status, 404);
  });

  test('only from this machine', async () => {
    await using server = await listenLoopback(() => {});
    const outward = Object.values(networkInterfaces()).flat().filter((face) => face !== undefined && !face.internal && face.family === 'IPv4');
    for (const face of outward) {
      const socket = connect(server.port, face?.address ?? '');
      await assert.rejects(once(socket, 'connect'), { code: 'ECONNREFUSED' }, face?.address);
    }
    const v6 = connect(server.port, '::1');
    await assert.rejects(once(v6, 'connect'));
  });

  test('no more than the permitted number', async () => {
    await using server = await listenLoopback(() => {}, { maxConnections: 2 });
    const held = [await connectLoopback(server.url), await connectLoopback(server.url)];
    await assert.rejects(connectLoopback(server.url), (error: unknown) => {
      assert.ok(error instanceof FirebreakError && error.code === 'connect-failed');
      return /503/.test(error.message);
    });
    assert.equal(server.connections, 2);
    for (const port of held) port.close();
  });

  test('an oversized, a binary and a malformed frame end the connection, not the server', async () => {
    const { promise: three, resolve } = Promise.withResolvers<void>();
    const ends: string[] = [];
    await using server = await listenLoopback(
      (port) => port.onClose((why) => void (ends.push(why) === 3 && resolve())),
      { maxPayload: 1_000 },
    );
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/contract`, ['firebreak.v1', `token.${server.token}`]);
      await once(socket, 'open');
      socket.on('error', () => {});
      return socket;
    };
    const oversized = await open();
    oversized.send('x'.repeat(1_001));
    assert.deepEqual((await once(oversized, 'close'))[0], 1009);
    const binary = await open();
    binary.send(Buffer.from([1, 2, 3]));
    assert.deepEqual((await once(binary, 'close'))[0], 1003);
    const malformed = await open();
    (malformed as unknown as { _socket: import('node:net').Socket })._socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await once(malformed, 'close');
    await three;
    assert.equal(await knock(server, ['firebreak.v1', `token.${server.token}`]), 101);
  });

  test('garbage instead of a handshake, and a handshake never finished, harm nobody', async () => {
    await using server = await listenLoopback(() => {});
    const garbage = connect(server.port, '127.0.0.1');
    garbage.on('error', () => {});
    garbage.end(Buffer.from([0, 255, 22, 3, 1]));
    garbage.resume();
    await once(garbage, 'close');
    const half = connect(server.port, '127.0.0.1');
    half.on('error', () => {});
    await once(half, 'connect');
    half.write('GET /contract HTTP/1.1\r\nUpgrade: websocket\r\n');
    assert.equal(await knock(server, ['firebreak.v1', `token.${server.token}`]), 101);
  });

  test('stopping tells every client why', async () => {
    const server = await listenLoopback(() => {});
    const port = await connectLoopback(server.url);
    const { promise: closed, resolve } = Promise.withResolvers<string>();
    port.onClose(resolve);
    await server[Symbol.asyncDispose]();
    assert.match(await closed, /stopped serving/);
    await assert.rejects(connectLoopback(server.url), { code: 'connect-failed' });
  });

  test('a port that is taken is named, with the remedy', async () => {
    await using server = await listenLoopback(() => {});
    await assert.rejects(listenLoopback(() => {}, { port: server.port }), (error: unknown) => {
      assert.ok(error instanceof FirebreakError);
      return error.code === 'listen-failed' && error.exitCode === 2 && error.message.includes(String(server.port));
    });
  });
});
