import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { H2CClient } from 'undici';
import { createWire } from '../../../engine/wire/create.ts';
import { startNginx } from '../../lab/nginx.ts';
import { type LabServer, missing } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';
import { record } from '../record.ts';
import { PIECES, replay, type Turn } from '../replay.ts';
import { H2Client, H2Server, type Seen } from './parts.ts';

const curl = async (address: string, ...args: readonly string[]): Promise<{ status: string; body: string; code: number }> => {
  const command = ['-sS', '--max-time', '60', '--http2-prior-knowledge', '-w', '\n%{http_version} %{response_code}', ...args.slice(1), `http://${address}${args[0]}`];
  const { stdout, code } = await promisify(execFile)('curl', command, { maxBuffer: 1 << 24 }).then(
    (done) => ({ ...done, code: 0 }),
    (error: { stdout: string; code: number }) => error,
  );
  const cut = stdout.lastIndexOf('\n');
  return { body: stdout.slice(0, cut), status: stdout.slice(cut + 1), code };
};
const undici = async (client: H2CClient, path: string, headers: Record<string, string> = {}): Promise<string> => {
  const { statusCode, body } = await client.request({ path, method: 'GET', headers });
  return `${statusCode} ${await body.text()}`;
};
const shown = ({ status, body }: Seen): string => `${status} ${body}`;

describe('HTTP/2 with real clients and servers', { timeout: 300_000 }, () => {
  describe('curl, undici and node:http2 on nginx', { skip: missing('nginx', 'curl') }, () => {
    let nginx: LabServer;
    let wired: Awaited<ReturnType<typeof wireTo>>;
    before(async () => {
      nginx = await startNginx();
      wired = await wireTo(nginx.address);
    });
    after(async () => {
      await wired.wire[Symbol.asyncDispose]();
      await nginx[Symbol.asyncDispose]();
      assert.deepEqual(wired.errors, []);
    });

    it('see what nginx answers', async () => {
      assert.deepEqual(await curl(wired.address, '/a', '-H', 'x-tier: free'), { body: 'GET /a free', status: '2 200', code: 0 });
      assert.equal((await curl(wired.address, '/large')).body.length, 200_000);
      const client = new H2CClient(`http://${wired.address}`);
      assert.equal(await undici(client, '/b', { 'x-tier': 'gold' }), '200 GET /b gold');
      await client.close();
      await using node = await H2Client.to(wired.address);
      assert.deepEqual((await Promise.all(['/1', '/2', '/3'].map((path) => node.ask(path)))).map(shown), ['200 GET /1 ', '200 GET /2 ', '200 GET /3 ']);
      assert.equal(wired.wire.routeCounters()[0]?.notUnderstood, 0);
    });

    it('see errors, by path, header and condition, and answers around them on the same connection', async () => {
      await wired.wire.add(policy({ id: 'f-a', target: '/broken*', errorChance: 1, errorCode: 503, errorBody: 'down' }));
      await wired.wire.add(policy({ id: 'f-b', errorChance: 1, errorCode: 402, matchHeaders: { 'x-tier': 'free' } }));
      await wired.wire.add(policy({ id: 'f-c', errorChance: 1, errorCode: 418, when: "request.headers['host'].startsWith('127') && request.method == 'GET' && request.query == 'tea' && baggage['chaos'] == 'on'" }));
      assert.deepEqual(await curl(wired.address, '/broken/x'), { body: 'down', status: '2 503', code: 0 });
      assert.equal((await curl(wired.address, '/broken', '--data-binary', `@${join(nginx.folder, 'large')}`)).status, '2 503', 'in the middle of an upload');
      const head = await curl(wired.address, '/broken', '-I');
      assert.deepEqual([head.code, head.status, /content-length: 4/.test(head.body)], [0, '2 503', true]);
      const client = new H2CClient(`http://${wired.address}`);
      assert.deepEqual(
        [await undici(client, '/a'), await undici(client, '/a', { 'x-tier': 'free' }), await undici(client, '/broken'), await undici(client, '/a', { 'x-tier': 'gold' })],
        ['200 GET /a ', '402 ', '503 down', '200 GET /a gold'],
      );
      assert.equal(await undici(client, '/a?tea', { baggage: 'chaos=on' }), '418 ');
      assert.equal(await undici(client, '/a?tea', { baggage: 'chaos=off' }), '200 GET /a ');
      await client.close();
      for (const id of ['f-a', 'f-b', 'f-c']) await wired.wire.remove(id);
    });

    it('see delays and throttling; a download of many frames is whole beside them', async () => {
      await wired.wire.add(policy({ id: 'f-slow', target: '/slow', latencyChance: 1, latencyMs: 150 }));
      await wired.wire.add(policy({ id: 'f-rate', target: '/limited', throttleRate: 0.001 }));
      await using node = await H2Client.to(wired.address);
      const all = [node.ask('/slow'), node.ask('/large'), node.ask('/slow'), node.ask('/large'), node.ask('/limited')];
      const [slow, large, slower, larger, limited] = (await Promise.all(all)) as [Seen, Seen, Seen, Seen, Seen];
      assert.deepEqual([slow.body, slower.body, large.body.length, larger.body.length, limited.body], ['GET /slow ', 'GET /slow ', 200_000, 200_000, 'GET /limited ']);
      assert.ok(slow.ms >= 150 && slower.ms >= 150);
      const refused = await node.ask('/limited');
      assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1']);
      for (const id of ['f-slow', 'f-rate']) await wired.wire.remove(id);
    });

    it('see the connection cut', async () => {
      await wired.wire.add(policy({ id: 'f-cut', target: '/cut', dropConnection: true }));
      // 16, 52, 55 or 56: which of them depends on what it was doing.
      assert.notEqual((await curl(wired.address, '/cut')).code, 0);
      const client = new H2CClient(`http://${wired.address}`);
      await assert.rejects(undici(client, '/cut'));
      assert.equal(await undici(client, '/a'), '200 GET /a ', 'it connects anew');
      await client.close();
      await wired.wire.remove('f-cut');
    });
  });

  describe('what leaves connections usable', () => {
    for (const ending of ['the policy is removed', 'HALT'] as const) {
      it(`${ending}: what is held back goes on at once, on the same connection`, async () => {
        await using server = await H2Server.start();
        const { wire, address, errors } = await wireTo(server.address);
        await using _ = wire;
        await wire.add(policy({ id: 'f-stuck', target: '/stuck*', latencyChance: 1, latencyMs: 3_600_000 }));
        await wire.add(policy({ id: 'f-broken', target: '/broken', errorChance: 1, errorCode: 500 }));
        await using client = await H2Client.to(address);
        assert.equal((await client.ask('/broken')).status, 500);
        const stuck = [client.ask('/stuck/1'), client.ask('/stuck/2', {}, Buffer.alloc(40_000))];
        assert.equal((await client.ask('/free')).status, 200);
        assert.deepEqual(server.asked, ['GET /free']);
        if (ending === 'HALT') wire.halt();
        else for (const id of ['f-stuck', 'f-broken']) await wire.remove(id);
        assert.deepEqual((await Promise.all(stuck)).map(shown), ['200 GET /stuck/1 0', '200 POST /stuck/2 40000']);
        assert.deepEqual((await Promise.all(['/broken', '/stuck'].map((path) => client.ask(path)))).map(({ status }) => status), [200, 200]);
        assert.deepEqual([client.failure, errors], ['', []]);
      });
    }

    it('the engine dies: clients connect anew, to whoever takes its place', async () => {
      await using server = await H2Server.start();
      const first = await wireTo(server.address);
      const client = new H2CClient(`http://${first.address}`);
      await first.wire.add(policy({ target: '/stuck', latencyChance: 1, latencyMs: 3_600_000 }));
      const stuck = assert.rejects(undici(client, '/stuck'));
      assert.equal(await undici(client, '/a'), '200 GET /a 0');
      await first.wire[Symbol.asyncDispose]();
      await stuck;
      await using second = createWire();
      await second.open([{ name: 'r', protocol: 'http', listen: first.address, upstream: server.address }]);
      assert.equal(await undici(client, '/b'), '200 GET /b 0');
      await client.close();
    });

    it('a client that goes away while its request waits costs nothing', async () => {
      await using server = await H2Server.start();
      const { wire, address, errors } = await wireTo(server.address);
      await using _ = wire;
      const stuck = policy({ latencyChance: 1, latencyMs: 3_600_000 });
      await wire.add(stuck);
      {
        await using client = await H2Client.to(address);
        void client.ask('/gone', {}, Buffer.alloc(1_000));
        while (wire.counters(stuck.id)?.matched !== 1) await new Promise((resolve) => setImmediate(resolve));
      }
      while (wire.routeCounters()[0]?.active !== 0) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual([server.asked, errors], [[], []]);
    });

    it('an upstream that cannot be reached is told on each stream', async () => {
      const { wire, address } = await wireTo('127.0.0.1:1');
      await using _ = wire;
      await using client = await H2Client.to(address);
      const seen = await client.ask('/a');
      assert.equal(seen.status, 502);
      assert.match(seen.body, /route r cannot reach 127.0.0.1:1/);
    });
  });

  it('what was recorded passes to the byte, in pieces of any size', async () => {
    await using server = await H2Server.start();
    await using recorder = await record(Number(server.address.split(':')[1]));
    {
      await using client = await H2Client.to(`127.0.0.1:${recorder.port}`);
      await Promise.all([client.ask('/a', { 'x-tier': 'free' }), client.ask('/b', {}, Buffer.alloc(30_000)), client.ask('/c', { 'x-long': 'y'.repeat(20_000) })]);
      await client.ask('/a', { 'x-tier': 'free' });
      await new Promise<void>((resolve) => client.session.close(resolve));
    }
    const turns = recorder.conversations[0] as readonly Turn[];
    assert.ok(turns.length > 4);
    for (const piece of PIECES) await replay('http', turns, piece);
  });
});
