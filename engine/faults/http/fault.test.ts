import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { contextOf, figureOf, onWire } from '../../../test/support/fault-life.ts';
import { identityOf, selfIdentity } from '../../host/identity.ts';
import { VirtualClock } from '../../kernel/clock.ts';
import { type FaultRequest } from '../../kernel/fault.ts';
import { newFaultId } from '../../kernel/random.ts';
import { type PolicyCounters } from '../../wire/wire.ts';
import { type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { httpInjector } from './injector.ts';
import { type HttpParams } from './manifest.ts';
import { get, requestOf, type Seen, stage } from './test-stage.ts';

describe('the http fault on real traffic', () => {
  it('delays what matches, as long as asked, and nothing else', async () => {
    await using at = await stage();
    const effect = await at.during(
      requestOf({ latencyChance: 1, latencyDuration: '80ms' }, { route: 'payments' }),
      async () => {
        const slow = await Promise.all([get(at.payments, '/charge'), get(at.payments, '/charge/1')]);
        for (const seen of slow) assert.ok(seen.status === 200 && seen.ms >= 80, `${seen.status} after ${seen.ms} ms`);
        await Promise.all([
          get(at.payments, '/charges'),
          get(at.payments, '/refund?to=/charge'),
          get(at.orders, '/charge'),
        ]);
      },
    );
    assert.equal(effect.bitten, true, effect.detail);
    const latency = figureOf(effect, 'latency');
    assert.equal(latency?.requested, 80);
    assert.equal(latency?.samples, 2, 'a longer segment, the query and the other route are not the target');
    assert.ok((latency?.delivered ?? 0) >= 80);
  });

  it('has bitten who gives up before the delay is over: that is what a timeout is for', async () => {
    await using at = await stage();
    const effect = await at.during(requestOf({ latencyChance: 1, latencyDuration: '1h' }), async () => {
      const counted = () => at.wire.routeCounters().find(({ name }) => name === 'payments');
      const impatient = request({ host: '127.0.0.1', port: at.payments, path: '/charge' }).on('error', () => {});
      const { requests = 0 } = counted() ?? {};
      impatient.end();
      while (counted()?.requests === requests) await setImmediate();
      impatient.socket?.resetAndDestroy();
      while (counted()?.latencies === 0) await setImmediate();
    });
    assert.equal(effect.bitten, true, effect.detail);
    const { delivered, samples } = figureOf(effect, 'latency') ?? {};
    assert.ok((delivered ?? 0) > 0 && (delivered ?? 0) < 3_600_000 && samples === 1, 'what is told is how long it waited');
  });

  it('answers with the error and its body', async () => {
    await using at = await stage();
    const effect = await at.during(
      requestOf(
        { errorChance: 1, errorCode: 503, errorBody: 'out of órder', latencyChance: 1, latencyDuration: '1h' },
      ),
      async () => {
        const seen = await get(at.payments, '/charge');
        assert.deepEqual([seen.status, seen.body], [503, 'out of órder']);
        assert.equal((await get(at.orders, '/charge/2')).status, 503, 'without a route every route is meant');
        assert.equal((await get(at.orders, '/refund')).status, 200);
      },
    );
    assert.deepEqual(
      effect.figures,
      [{ name: 'error rate', unit: 'ratio', requested: 1, delivered: 1, samples: 2 }],
      'the error wins: no latency is asked for',
    );
    assert.equal(effect.bitten, true);
  });

  it('resets the connection', async () => {
    await using at = await stage();
    const effect = await at.during(requestOf({ dropConnection: true }), async () => {
      assert.equal((await get(at.payments, '/charge')).failure, 'ECONNRESET');
      assert.equal((await get(at.payments, '/other')).status, 200);
    });
    assert.deepEqual(effect.figures, [{ name: 'drop rate', unit: 'ratio', requested: 1, delivered: 1, samples: 1 }]);
    assert.equal(effect.bitten, true);
  });

  it('asks for all of the headers, names in any case', async () => {
    await using at = await stage();
    const effect = await at.during(
      requestOf({ errorChance: 1, matchHeaders: { 'X-Canary': 'true', 'x-team': 'red' } }),
      async () => {
        assert.equal((await get(at.payments, '/charge', { 'x-canary': 'true', 'X-Team': 'red' })).status, 500);
        assert.equal((await get(at.payments, '/charge', { 'x-canary': 'true' })).status, 200);
        assert.equal((await get(at.payments, '/charge', { 'x-canary': 'false', 'x-team': 'red' })).status, 200);
      },
    );
    assert.equal(figureOf(effect, 'error rate')?.samples, 1);
  });

  it('never touches what the file protects', async () => {
    await using at = await stage();
    const effect = await at.during(
      requestOf({ errorChance: 1 }, { target: 'all', ignored: ['/health'] }),
      async () => {
        assert.equal((await get(at.payments, '/healthz')).status, 200);
        assert.equal((await get(at.payments, '/charge')).status, 500);
      },
    );
    assert.equal(figureOf(effect, 'error rate')?.samples, 1);
  });

  it('throttles to 429 with Retry-After', async () => {
    await using at = await stage();
    const effect = await at.during(requestOf({ throttleRate: 1 }), async () => {
      const seen: Seen[] = [];
      for (let i = 0; i < 6; i++) seen.push(await get(at.payments, '/charge'));
      assert.equal(seen[0]?.status, 200);
      const refused = seen.filter(({ status }) => status === 429);
      assert.ok(refused.length >= 1);
      for (const { headers } of refused) assert.ok(Number(headers['retry-after']) >= 1);
    });
    assert.equal(effect.bitten, true, effect.detail);
    assert.equal(figureOf(effect, 'let through')?.requested, 1);
  });

  it('says why it has not bitten', async () => {
    await using at = await stage();
    const detail = async (
      params: Record<string, unknown>,
      over: Partial<FaultRequest<HttpParams>>,
      act = async () => {},
    ): Promise<string> => {
      const effect = await at.during(requestOf(params, over), act);
      assert.equal(effect.bitten, false);
      return effect.detail;
    };
    const error = { errorChance: 1 };
    assert.equal(await detail(error, { route: 'payments' }), 'no request reached route payments /charge*');
    assert.match(await detail(error, { target: 'charge' }), /does not begin with \//);
    assert.match(await detail({ ...error, matchHeaders: { 'x-canary': '1' } }, {}), /with the wanted header x-canary$/);
    assert.match(await detail({ latencyChance: 1 }, {}), /asks for nothing/);
    const once = async (): Promise<void> => void (await get(at.payments, '/charge'));
    assert.match(
      await detail({ throttleRate: 1_000 }, {}, once),
      /1 request reached .* but none was over the limit of 1000 per second$/,
    );
    assert.match(await detail({ errorChance: 1e-9 }, {}, once), /but none has been answered with an error yet$/);
  });
});

describe('the http fault on counters', () => {
  const injectorOn = (counters: PolicyCounters, clock = new VirtualClock()) => {
    const wire = {
      add: async () => {},
      remove: async () => {},
      has: () => false,
      counters: () => counters,
      routes: () => [],
    } satisfies WireInjectorDeps['wire'];
    return httpInjector({ ...onWire(wire), clock });
  };
  const record: WireUndo = { policyId: 'f-x', owner: selfIdentity(), routes: ['payments'] };
  const counted: PolicyCounters = {
    matched: 1_000,
    latencies: 240,
    errors: 500,
    drops: 0,
    throttled: 20,
    struck: 0,
    amount: 0,
    hits: 0,
    timed: 0,
    meanTime: 0,
    meanDelay: 501,
  };

  it('has bitten only when every effect that was asked for was delivered', async () => {
    const context = contextOf(requestOf({ errorChance: 0.5, latencyChance: 0.5, latencyDuration: '500ms' }));
    assert.equal((await injectorOn(counted).verify(record, context)).bitten, true);
    const without = await injectorOn({ ...counted, latencies: 0 }).verify(record, context);
    assert.deepEqual(
      [without.bitten, without.detail],
      [false, '1000 requests reached route payments /charge*, but none has been delayed to the end yet'],
    );
  });

  it('takes the share of latency from the requests that could be delayed', async () => {
    const effect = await injectorOn(counted).verify(
      record,
      contextOf(requestOf({ errorChance: 0.5, latencyChance: 0.5, latencyDuration: '500ms' })),
    );
    assert.deepEqual(effect.figures, [
      { name: 'latency', unit: 'ms', requested: 500, delivered: 501, samples: 240 },
      { name: 'latency rate', unit: 'ratio', requested: 0.5, delivered: 0.5, samples: 480 },
      { name: 'error rate', unit: 'ratio', requested: 0.5, delivered: 0.5, samples: 1_000 },
    ]);
  });

  it('measures what throttling lets through from the first refusal on', async () => {
    const counters = { ...counted, matched: 30, latencies: 0, errors: 0, throttled: 0 };
    const clock = new VirtualClock();
    const injector = injectorOn(counters, clock);
    const letThrough = async () => {
      const effect = await injector.verify(record, contextOf(requestOf({ throttleRate: 10 })));
      return figureOf(effect, 'let through')?.delivered;
    };
    assert.equal(await letThrough(), null);
    Object.assign(counters, { matched: 40, throttled: 5 });
    assert.equal(await letThrough(), null);
    await clock.advance(2_000);
    Object.assign(counters, { matched: 100, throttled: 45 });
    assert.equal(await letThrough(), 10);
  });
});

describe('the plan and the undo record', () => {
  it('names routes and says what will happen', async () => {
    await using at = await stage();
    const [plan] = await at.injector.plan(
      requestOf({ errorChance: 1 }, { route: 'payments' }),
      new AbortController().signal,
    );
    assert.equal(plan?.target, 'route payments /charge*');
    assert.equal(
      plan?.action,
      'Add the policy to the wire on route payments: every request to /charge* is answered with 500.',
    );
    assert.deepEqual(plan?.undo.routes, ['payments']);
    const { signal } = new AbortController();
    await assert.rejects(at.injector.plan(requestOf({}, { route: 'ledger' }), signal), {
      code: 'no-route',
      hint: 'the http routes are payments, orders',
    });
    await assert.rejects(at.injector.plan(requestOf({}, { routes: [] }), signal), { code: 'no-route' });
  });

  it('refuses to inject where no route is open', async () => {
    await using at = await stage();
    await at.wire.close(['payments', 'orders']);
    const context = contextOf(requestOf({ errorChance: 1 }));
    const [plan] = await at.injector.plan(context.request, context.signal);
    assert.ok(plan);
    await assert.rejects(at.injector.inject(plan.undo, context), { code: 'no-route' });
    assert.equal(await at.injector.fingerprint(plan.undo), `wire policy ${plan.undo.policyId}: absent`);
  });

  it('cannot be reverted from outside while the owner lives, and needs nothing once it is dead', async () => {
    await using at = await stage();
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const foreign = identityOf(child.pid ?? 0);
    assert.ok(foreign);
    const record: WireUndo = { policyId: newFaultId(), owner: foreign, routes: ['payments'] };
    await assert.rejects(at.injector.revert(record), { code: 'foreign-owner' });
    await assert.rejects(at.injector.fingerprint(record), { code: 'foreign-owner' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await at.injector.revert(record);
    assert.equal(await at.injector.fingerprint(record), `wire policy ${record.policyId}: absent`);
  });
});
