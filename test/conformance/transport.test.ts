import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FirebreakError } from '../../engine/kernel/errors.ts';
import { electronTransport } from '../electron/transport.ts';
import { type Transport, join, memoryTransport, unixTransport, websocketTransport } from './fixture.ts';

/** What every transport must do, whatever carries it. */
const withCode = (code: string) => (error: unknown) => error instanceof FirebreakError && error.code === code;
async function take<T>(items: AsyncIterable<T>, limit = Number.POSITIVE_INFINITY): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) if (taken.push(item) >= limit) break;
  return taken;
}

for (const transport of [memoryTransport, websocketTransport, unixTransport, electronTransport] satisfies Transport[]) {
  describe(`transport: ${transport.name}`, { timeout: 300_000 }, () => {
    test('carries a query, a command and a stream, defaults filled in', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      assert.deepEqual(await client.query('echo', { text: 'grüße\u2028\u0000"\\' }), { text: 'grüße\u2028\u0000"\\' });
      assert.equal(await client.command('add', {}), 1);
      assert.equal(await client.command('add', { by: 4 }), 5);
      assert.deepEqual(await take(client.stream('log', { since: 0, to: 1_000 })), Array.from({ length: 1_000 }, (_, i) => i + 1));
    });

    test('refuses invalid input before sending it', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      await assert.rejects(client.query('echo', { text: '' }), (error: unknown) => {
        assert.ok(error instanceof FirebreakError);
        assert.equal(error.code, 'invalid-input');
        assert.equal(error.exitCode, 2);
        assert.equal(error.issues[0]?.path, 'text');
        return true;
      });
      assert.throws(() => client.stream('log', { since: -1, to: 3 }), withCode('invalid-input'));
    });

    test('refuses invalid input, unknown names and inherited names at the engine as well', async () => {
      await using joined = await transport.join();
      const replies: { id: number; error?: { code: string } }[] = [];
      const { promise: all, resolve } = Promise.withResolvers<void>();
      joined.port.onMessage((text) => {
        if (replies.push(JSON.parse(text) as { id: number }) === 4) resolve();
      });
      joined.port.send('{"id":1,"kind":"query","name":"echo","input":{"text":7}}');
      joined.port.send('{"id":2,"kind":"query","name":"nothing","input":{}}');
      joined.port.send('{"id":3,"kind":"query","name":"constructor","input":{}}');
      joined.port.send('{"id":4,"kind":"command","name":"echo","input":{"text":"a"}}');
      await all;
      const codes = new Map(replies.map(({ id, error }) => [id, error?.code]));
      assert.deepEqual(
        [1, 2, 3, 4].map((id) => codes.get(id)),
        ['invalid-input', 'unknown-operation', 'unknown-operation', 'unknown-operation'],
      );
    });

    test('carries errors whole: code, message, hint, exit code, issues with and without a place', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const error = await client.query('refuse', {}).then(assert.fail, (thrown: unknown) => thrown);
      assert.ok(error instanceof FirebreakError);
      assert.deepEqual([error.code, error.message, error.hint, error.exitCode], ['bad-file', 'two findings', 'Correct them.', 2]);
      assert.deepEqual(error.issues, [
        { place: { file: 'a.yaml', line: 3, column: 5 }, path: 'policies[0].type', message: 'unknown type', hint: 'http' },
        { path: 'name', message: 'missing', hint: 'Name it.' },
      ]);
      await assert.rejects(client.query('crash', {}), { code: 'internal', message: 'a bug', exitCode: 5 });
    });

    test('never lets an invalid output through', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      await assert.rejects(client.query('lie', {}), withCode('invalid-output'));
      const items = client.stream('lies', {});
      assert.deepEqual(await items.next(), { done: false, value: 1 });
      await assert.rejects(items.next(), withCode('invalid-output'));
      assert.deepEqual(await items.next(), { done: true, value: undefined });
    });

    test('cancels a call at both ends', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const stop = new AbortController();
      const waiting = client.query('wait', {}, stop.signal);
      await joined.world.until(() => joined.world.total === 1);
      stop.abort(new Error('changed my mind'));
      await assert.rejects(waiting, /changed my mind/);
      await joined.world.until(() => joined.world.aborted === 1);
      await assert.rejects(client.query('wait', {}, AbortSignal.abort(new Error('too late'))), /too late/);
      assert.equal((await client.query('echo', { text: 'still here' })).text, 'still here');
    });

    test('ends a stream at both ends when its reader leaves or its signal aborts', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      assert.deepEqual(await take(client.stream('forever', {}), 3), [1, 2, 3]);
      await joined.world.until(() => joined.world.aborted === 1);
      const stop = new AbortController();
      let seen = 0;
      for await (const item of client.stream('forever', {}, stop.signal)) {
        seen = item;
        if (item === 500) stop.abort();
      }
      assert.equal(seen, 500);
      await joined.world.until(() => joined.world.aborted === 2);
    });

    test('resumes a stream after the last item seen: none twice, none missing', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const first = await take(client.stream('log', { since: 0, to: 900 }), 300);
      const rest = await take(client.stream('log', { since: first.at(-1) ?? 0, to: 900 }));
      assert.deepEqual([...first, ...rest], Array.from({ length: 900 }, (_, i) => i + 1));
    });

    test('gives what came before a stream failed, then the failure, then nothing', async () => {
      await using joined = await transport.join();
      const items = join(joined).stream('breaks', {});
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal((await items.next()).value, 1);
      assert.equal((await items.next()).value, 2);
      await assert.rejects(items.next(), withCode('events-lost'));
      assert.equal((await items.next()).done, true);
    });

    test('a slow reader of a lossless stream slows its source', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const items = client.stream('forever', {});
      await items.next();
      // Answers come back in order, so by the second echo whatever was on its way has arrived.
      for (let i = 0; i < 20; i++) await client.query('echo', { text: 'x' });
      const produced = joined.world.produced;
      assert.ok(produced <= 260, `${produced} items produced for a reader that took one`);
      for (let i = 0; i < 400; i++) await items.next();
      await joined.world.until(() => joined.world.produced > 400);
      await items.return?.();
    });

    test('a slow reader of a state gets the latest, and the source is not held up', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const items = client.stream('state', {});
      await joined.world.until(() => joined.world.total === 1);
      for (let value = 1; value <= 5_000; value++) joined.world.state(value);
      await joined.world.until(() => joined.world.produced === 5_000);
      const seen: number[] = [];
      for await (const value of items) {
        seen.push(value);
        if (value === 5_000) break;
      }
      assert.ok(seen.length < 2_500, `${seen.length} of 5000 states crossed`);
      assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
    });

    test('refuses a message that is too large: the caller hears of it and the connection lives', async () => {
      await using joined = await transport.join({ reply: 2_000 });
      const client = join(joined, { request: 1_000, reply: 2_000 });
      await assert.rejects(client.query('echo', { text: 'x'.repeat(1_000) }), withCode('message-too-large'));
      await assert.rejects(client.query('repeat', { count: 3_000 }), withCode('message-too-large'));
      assert.equal((await client.query('repeat', { count: 1_000 })).length, 1_000);
    });

    test('cuts off a client that sends too much', async () => {
      await using joined = await transport.join({ request: 1_000 });
      const client = join(joined);
      await assert.rejects(client.query('echo', { text: 'x'.repeat(2_000) }), withCode('disconnected'));
    });

    for (const garbage of ['', 'not json', '[]', 'null', '{"id":0,"kind":"query","name":"echo","input":{}}', '{"id":1,"kind":"launch"}',
      '{"id":1,"kind":"query","name":"echo","input":{},"extra":1}', '{"id":1e400,"kind":"cancel"}', '\u0000\u0001']) {
      test(`cuts off a client that sends ${JSON.stringify(garbage)}`, async () => {
        await using joined = await transport.join();
        const { promise: closed, resolve } = Promise.withResolvers<string>();
        joined.port.onClose(resolve);
        joined.port.send(garbage);
        assert.match(await closed, /not a message/);
      });
    }

    test('a client cuts off an engine that sends garbage, and says so to every caller', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const waiting = client.query('wait', {});
      await joined.world.until(() => joined.world.total === 1);
      joined.far.send('{"id":1,"kind":"surprise"}');
      await assert.rejects(waiting, withCode('disconnected'));
      await joined.world.until(() => joined.world.aborted === 1);
    });

    test('a close in mid-call rejects every call and stream, and every later one, and aborts the handlers', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const waiting = Array.from({ length: 5 }, () => client.query('wait', {}));
      const items = client.stream('state', {});
      const next = items.next();
      await joined.world.until(() => joined.world.total === 6);
      const outcomes = Promise.allSettled([...waiting, next]);
      joined.far.close('the engine is going away');
      for (const outcome of await outcomes) {
        assert.equal(outcome.status, 'rejected');
        assert.ok(withCode('disconnected')(outcome.reason));
        assert.match(String(outcome.reason), /going away/);
      }
      await joined.world.until(() => joined.world.aborted === 5);
      assert.match(await client.closed, /going away/);
      await assert.rejects(client.query('echo', { text: 'late' }), withCode('disconnected'));
      await assert.rejects(take(client.stream('log', { since: 0, to: 3 })), withCode('disconnected'));
    });

    test('a client that closes aborts what it had under way', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const waiting = client.query('wait', {});
      await joined.world.until(() => joined.world.total === 1);
      client.close();
      await assert.rejects(waiting, withCode('disconnected'));
      await joined.world.until(() => joined.world.aborted === 1);
    });

    test('answers 1,000 calls at once, each with its own answer', async () => {
      await using joined = await transport.join();
      const client = join(joined);
      const texts = Array.from({ length: 1_000 }, (_, i) => `call ${i}`);
      const answers = await Promise.all(texts.map((text) => client.query('echo', { text })));
      assert.deepEqual(answers.map(({ text }) => text), texts);
    });

    test('bounds how many calls one client may have under way', async () => {
      await using joined = await transport.join({ calls: 3 });
      const client = join(joined);
      const held = Array.from({ length: 3 }, () => client.query('wait', {}));
      const settled = Promise.allSettled(held);
      await assert.rejects(client.query('wait', {}), withCode('too-many-calls'));
      client.close();
      await settled;
    });

    test('refuses an id that is already in use', async () => {
      await using joined = await transport.join();
      const { promise: closed, resolve } = Promise.withResolvers<string>();
      joined.port.onClose(resolve);
      joined.port.send('{"id":1,"kind":"query","name":"wait","input":{}}');
      joined.port.send('{"id":1,"kind":"query","name":"wait","input":{}}');
      assert.match(await closed, /already in use/);
    });
  });
}
