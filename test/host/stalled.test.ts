import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get } from 'node:http';
import { type Socket, connect } from 'node:net';
import { test } from 'node:test';
import { listenLoopback } from '../../engine/transport/websocket.ts';

/** More than the server takes at once. */
const CALLERS = 160;

/** The status of a request with the token; 0 when there is no place for it. */
const ask = (port: number, token: string): Promise<number> =>
  new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: `/here?token=${token}`, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', () => resolve(0));
  });

test(
  'callers that were refused and never leave lose their places to whoever means it',
  { timeout: 120_000 },
  async () => {
    await using server = await listenLoopback(() => {}, {
      page: (_request, response) => {
        response.end('here');
        return true;
      },
    });
    assert.equal(await ask(server.port, server.token), 200);
    const stalled: Socket[] = [];
    try {
      for (let index = 0; index < CALLERS; index++) {
        // Stays open on this side when the other ends it, as nothing that means well does.
        const socket = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
        socket.on('error', () => {});
        stalled.push(socket);
        await once(socket, 'connect');
        socket.write('nonsense\r\n\r\n');
      }
      // Node itself looks only after 30 s; the server needs one.
      const deadline = performance.now() + 20_000;
      while ((await ask(server.port, server.token)) !== 200) {
        assert.ok(performance.now() < deadline, 'the places were never free again');
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    } finally {
      for (const socket of stalled) socket.destroy();
    }
  },
);
