import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type Route } from './contract/models.ts';
import { EXIT, FirebreakError } from './kernel/errors.ts';
import { Routes } from './routes.ts';
import { createWire } from './wire/create.ts';

const LIMIT = { timeout: 300_000 };

/** Routes over a real wire, and a service behind them that answers `ok`. */
async function scene(told: () => Promise<void> = async () => {}) {
  const stack = new AsyncDisposableStack();
  const server = createServer((_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.defer(() => void server.close());
  const wire = stack.use(createWire());
  let halt = new AbortController();
  const routes = new Routes({ wire, changed: told, untilHalt: () => halt.signal });
  const { port } = server.address() as AddressInfo;
  const route = (name: string): Route => ({ name, protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` });
  return {
    wire, routes, route,
    open: () => wire.routes().map(({ name }) => name),
    halt: () => {
      halt.abort();
      halt = new AbortController();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
const fetchText = async ({ listen }: Route): Promise<string> =>
  (await fetch(`http://${listen}/`, { headers: { connection: 'close' } })).text();
const first = (routes: readonly Route[]): Route => routes[0] ?? assert.fail('no route');

test('what a run has opened is closed with it; what was open before stays', LIMIT, async () => {
  await using s = await scene();
  await s.routes.keep([s.route('before')]);
  const lent = await s.routes.lend([s.route('before'), s.route('own')]);
  assert.deepEqual([lent.routes.map(({ name }) => name), s.open()], [['before', 'own'], ['before', 'own']]);
  await lent[Symbol.asyncDispose]();
  assert.deepEqual(s.open(), ['before']);
  await s.routes.close(['before']);
  assert.deepEqual(s.open(), []);
});

test('the end of one never closes a route that another still uses', LIMIT, async () => {
  await using s = await scene();
  const [one, two] = await Promise.all([s.routes.lend([s.route('shop')]), s.routes.lend([s.route('shop')])]);
  await one[Symbol.asyncDispose]();
  assert.equal(await fetchText(first(two.routes)), 'ok');
  await one[Symbol.asyncDispose]();
  assert.deepEqual(s.open(), ['shop'], 'giving back twice counts once');
  await two[Symbol.asyncDispose]();
  assert.deepEqual(s.open(), []);
});

test('a route that is in use is not closed, and none beside it', LIMIT, async () => {
  await using s = await scene();
  await s.routes.keep([s.route('before'), s.route('idle')]);
  const [run, apply] = await Promise.all([s.routes.lend([s.route('before'), s.route('own')]), s.routes.lend([s.route('before')])]);
  const refused = (names: readonly string[]): Promise<void> =>
    assert.rejects(s.routes.close(names), (error) => {
      assert.ok(error instanceof FirebreakError);
      assert.deepEqual([error.code, error.exitCode], ['route-in-use', EXIT.usage]);
      assert.match(`${error.message} ${error.hint}`, /route before is used by a run .* Wait until it has ended, or end it/);
      return true;
    });
  await refused(['idle', 'before']);
  assert.deepEqual(s.open().toSorted(), ['before', 'idle', 'own']);
  assert.equal(await fetchText(first(run.routes)), 'ok');
  await run[Symbol.asyncDispose]();
  await refused(['before']);
  await apply[Symbol.asyncDispose]();
  await s.routes.close(['idle', 'before']);
  assert.deepEqual(s.open(), []);
});

test('routes that were lent when HALT was called stay open and pass everything', LIMIT, async () => {
  await using s = await scene();
  const lent = await s.routes.lend([s.route('shop')]);
  s.halt();
  s.wire.halt();
  await lent[Symbol.asyncDispose]();
  assert.equal(await fetchText(first(lent.routes)), 'ok');
  // The next run finds it open, and leaves it so.
  const next = await s.routes.lend([s.route('shop'), s.route('new')]);
  await next[Symbol.asyncDispose]();
  assert.deepEqual(s.open(), ['shop']);
});

test('when the watchdog cannot be told of new routes, none of them stays open', LIMIT, async () => {
  await using s = await scene(() => Promise.reject(new Error('no watchdog')));
  await assert.rejects(s.routes.lend([s.route('shop')]), /no watchdog/);
  assert.deepEqual(s.open(), []);
});

test('when it cannot be told of closed ones, the run that is over does not fail for it', LIMIT, async () => {
  let told = 0;
  await using s = await scene(() => (told++ === 0 ? Promise.resolve() : Promise.reject(new Error('no watchdog'))));
  const lent = await s.routes.lend([s.route('shop')]);
  await lent[Symbol.asyncDispose]();
  assert.deepEqual(s.open(), []);
});

test('a name that leads elsewhere already is refused, and nothing is opened', LIMIT, async () => {
  await using s = await scene();
  await s.routes.keep([s.route('shop')]);
  const elsewhere = { ...s.route('shop'), upstream: '127.0.0.1:1' };
  await assert.rejects(s.routes.lend([s.route('new'), elsewhere]), /open already/);
  assert.deepEqual(s.open(), ['shop']);
});
