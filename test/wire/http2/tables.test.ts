import assert from 'node:assert/strict';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, it } from 'node:test';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { policy, wireTo } from '../parts.ts';
import { H2Client, H2Server } from './parts.ts';

async function wiredTo(server: H2Server, over: Partial<WirePolicy>) {
  const wired = await wireTo(server.address);
  await wired.wire.add(policy(over));
  return wired;
}
/** Nothing may be left of what these need to find their entries again. */
const FIELDS = { 'x-a': 'one', 'x-b': 'two' };

// nghttp2, which is in node:http2, ends a connection whose peer has not announced the size that it was told to keep to.
describe('tables of header fields whose size is set to nothing', { timeout: 300_000 }, () => {
  for (const headerTableSize of [0, 100]) {
    it(`by a client, to ${headerTableSize}: refusals are read, before the first answer of the server and behind it`, async () => {
      await using server = await H2Server.start();
      const { wire, address, errors } = await wiredTo(server, { target: '/broken', errorChance: 1, errorCode: 503, errorBody: 'no' });
      await using _ = wire;
      await using client = await H2Client.to(address, { settings: { headerTableSize } });
      for (const path of ['/broken', '/broken', '/a', '/broken', '/b', '/b']) {
        const { status, failure } = await client.ask(path, FIELDS);
        assert.deepEqual([path, status, failure], [path, path === '/broken' ? 503 : 200, '']);
      }
      assert.deepEqual([client.failure, errors], ['', []]);
    });

    it(`by a server, to ${headerTableSize}, while a request waits that its client wrote before it knew`, async () => {
      const streams: ServerHttp2Stream[] = [];
      await using server = await H2Server.start((stream, headers) => {
        stream.respond({ ':status': 200 });
        if (headers[':path'] !== '/first') return void stream.end('done');
        streams.push(stream);
        stream.session?.settings({ headerTableSize }, () => stream.end('acknowledged'));
      });
      const { wire, address, errors } = await wiredTo(server, { target: '/slow', latencyChance: 1, latencyMs: 600_000 });
      await using _ = wire;
      await using client = await H2Client.to(address);
      assert.equal((await client.ask('/before', FIELDS)).status, 200);
      const slow = client.ask('/slow', FIELDS);
      // Its answer comes once the client has acknowledged the new size.
      assert.equal((await client.ask('/first', FIELDS)).body, 'acknowledged');
      wire.halt();
      assert.deepEqual([(await slow).status, (await slow).failure], [200, '']);
      wire.resume();
      for (let i = 0; i < 3; i++) assert.equal((await client.ask(`/after/${i}`, FIELDS)).status, 200);
      assert.deepEqual([client.failure, errors], ['', []]);
    });
  }
});
