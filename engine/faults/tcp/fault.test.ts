import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultLife, faultRequest, onWire } from '../../../test/support/fault-life.ts';
import { Peer, Upstream } from '../../../test/wire/parts.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { createWire } from '../../wire/create.ts';
import { tcpInjector } from './injector.ts';
import { tcpManifest, type TcpParams } from './manifest.ts';

const PROTOCOLS = { any: 'tcp', shop: 'http', cache: 'redis' } as const;
const names = Object.keys(PROTOCOLS) as (keyof typeof PROTOCOLS)[];
const routesTo = (upstream: string) => names.map((name) => ({ name, protocol: PROTOCOLS[name], listen: '127.0.0.1:0', upstream }));
const requestOf = (fields: Record<string, unknown>, over: Partial<FaultRequest<TcpParams>> = {}): FaultRequest<TcpParams> =>
  faultRequest(tcpManifest, fields, { target: '', route: 'any', routes: routesTo('127.0.0.1:1'), seed: 7, ...over });

/** Routes of three protocols to an upstream that sends back what it gets, whatever that is. */
async function stage() {
  const stack = new AsyncDisposableStack();
  const upstream = stack.use(
    await Upstream.start(({ socket }) => void socket.on('data', (bytes: Buffer) => socket.write(bytes)).on('end', () => socket.end())),
  );
  const wire = stack.use(createWire());
  const opened = await wire.open(routesTo(upstream.address));
  const injector = tcpInjector(onWire(wire));
  const call = async (name: keyof typeof PROTOCOLS): Promise<Peer> => {
    const peer = await Peer.to(opened.find((route) => route.name === name)?.listen ?? '');
    stack.defer(() => void peer.socket.destroy());
    return peer;
  };
  /** Proves that the route serves afterwards. */
  const during = async (request: FaultRequest<TcpParams>, act: () => Promise<void>): Promise<Effect> => {
    const effect = await faultLife(injector, request, act);
    await ask(await call('any'), 'back');
    return effect;
  };
  return { call, during, injector, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
const ask = async (peer: Peer, text: string, times = 1): Promise<void> => {
  peer.write(text);
  await peer.says(text, times);
};

describe('the tcp fault, from plan to revert', { timeout: 300_000 }, () => {
  it('delays the bytes of connections that are open already, and proves it', async () => {
    await using at = await stage();
    const peer = await at.call('any');
    await ask(peer, 'before');
    const effect = await at.during(requestOf({ latencyDuration: '60ms' }), async () => {
      for (const text of ['one', 'two', 'three']) await ask(peer, text);
    });
    assert.equal(effect.bitten, true, effect.detail);
    const [latency] = effect.figures;
    assert.equal(latency?.requested, 60);
    assert.ok((latency?.delivered ?? 0) >= 60 && latency?.samples === 3, JSON.stringify(latency));
    await ask(peer, 'after');
  });

  it('reaches routes of every protocol when it names none', async () => {
    await using at = await stage();
    const request = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';
    const effect = await at.during(requestOf({ toxic: 'loss', chance: 1, pieceSize: 1, stream: 'upstream' }, { route: '' }), async () => {
      for (const name of names) (await at.call(name)).write(request);
      const probe = await at.call('any');
      probe.write('never');
      probe.socket.end();
      await probe.over();
      assert.equal(probe.length, 0);
    });
    assert.equal(effect.bitten, true, effect.detail);
    assert.deepEqual([effect.figures[0]?.requested, effect.figures[0]?.delivered], [1, 1]);
  });

  it('says what each toxic asked for and what came of it', async () => {
    await using at = await stage();
    const told = async (fields: Record<string, unknown>, act: (peer: Peer) => Promise<void>): Promise<Effect> => {
      const effect = await at.during(requestOf(fields), async () => act(await at.call('any')));
      assert.equal(effect.bitten, true, effect.detail);
      return effect;
    };
    const close = (delivered: number | null | undefined, requested: number): void =>
      assert.ok(Math.abs((delivered ?? 0) / requested - 1) < 0.1, `${delivered} instead of ${requested}`);
    const bulk = (peer: Peer, length: number): Promise<void> => (peer.write(Buffer.alloc(length, 'b')), peer.has(length));

    close((await told({ toxic: 'bandwidth', rate: 400 }, (peer) => bulk(peer, 120_000))).figures[0]?.delivered, 400);
    close((await told({ toxic: 'slicer', averageSize: 500 }, (peer) => bulk(peer, 60_000))).figures[0]?.delivered, 500);
    const limited = await told({ toxic: 'limit_data', limitBytes: 1_000 }, (peer) => (peer.write(Buffer.alloc(3_000)), peer.over()));
    assert.equal(limited.figures[0]?.delivered, 1_000);
    const cut = await told({ toxic: 'reset_peer', timeout: '100ms' }, (peer) => (peer.write('x'), peer.until(() => peer.closed, 'a reset')));
    assert.ok((cut.figures[0]?.delivered ?? 0) >= 100);
    const silent = await told({ toxic: 'timeout', timeout: '100ms' }, (peer) => (peer.write('x'), peer.over()));
    assert.ok((silent.figures[0]?.delivered ?? 0) >= 100);
    const late = await told({ toxic: 'slow_close', closeDelay: '100ms' }, (peer) => (peer.socket.end(), peer.over()));
    assert.ok((late.figures[0]?.delivered ?? 0) >= 100);
    const garbled = await told({ toxic: 'corruption', chance: 1, pieceSize: 10 }, (peer) => bulk(peer, 10_000));
    assert.deepEqual([garbled.figures[0]?.delivered, garbled.figures[0]?.samples], [1, 1_000]);
  });

  it('takes a route down for everybody, or for a share of the connections', async () => {
    await using at = await stage();
    const peer = await at.call('any');
    await ask(peer, 'in');
    const refused = await at.during(requestOf({ toxic: 'down' }), async () => {
      await peer.until(() => peer.closed, 'the reset');
      await assert.rejects(at.call('any'), /ECONNREFUSED/);
    });
    assert.deepEqual([refused.bitten, refused.detail], [true, '1 of 1 connection on route any hit: 1 reset, and the route refuses new ones']);
    assert.deepEqual(refused.figures, [{ name: 'routes that refuse', unit: 'count', requested: 1, delivered: 1, samples: 1 }]);
    // Nobody has to call for that.
    const unused = await at.during(requestOf({ toxic: 'down' }, { route: '' }), async () => {});
    assert.deepEqual([unused.bitten, unused.figures[0]?.requested, unused.figures[0]?.delivered], [true, 3, 3]);
    const share = await at.during(requestOf({ toxic: 'down', toxicity: 0.5 }), async () => {
      for (let i = 0; i < 20; i++) {
        // Where the reset is quicker than the hello, the connection itself fails.
        await at.call('any').then((caller) => (caller.write('x'), caller.until(() => caller.closed || caller.length > 0, 'an end')), (error: unknown) => assert.match(String(error), /ECONNRESET/));
      }
    });
    assert.match(share.detail, /^(\d+) of \d+ connections on route any hit: \1 reset or turned away$/);
  });

  it('has not bitten before anything came through, and says what is missing', async () => {
    await using at = await stage();
    const none = await at.during(requestOf({ latencyDuration: '1ms' }), async () => {});
    assert.deepEqual([none.bitten, none.detail], [false, 'no connection was open on route any']);
    const idle = await at.during(requestOf({ latencyDuration: '1ms' }), async () => {
      const peer = await at.call('cache');
      await ask(peer, 'PING\r\n');
    });
    assert.equal(idle.bitten, false);
  });

  it('with toxicity tells the share of connections that it hit', async () => {
    await using at = await stage();
    const effect = await at.during(requestOf({ latencyDuration: '1ms', toxicity: 0.5 }), async () => {
      for (let i = 0; i < 40; i++) {
        const peer = await at.call('any');
        await ask(peer, 'x');
        peer.socket.destroy();
      }
    });
    const share = effect.figures.find(({ name }) => name === 'connections hit');
    assert.equal(share?.samples, 40);
    assert.ok(Math.abs((share?.delivered ?? 0) - 0.5) < 0.3, JSON.stringify(effect));
  });

  it('is refused where there is no route for it', async () => {
    await using at = await stage();
    const plan = (over: Partial<FaultRequest<TcpParams>>) => at.injector.plan(requestOf({}, over), new AbortController().signal);
    await assert.rejects(plan({ route: 'nowhere' }), /there is no route named nowhere/);
    await assert.rejects(plan({ route: '', routes: [] }), /there is no route, so no connection can reach the fault/);
  });
});
