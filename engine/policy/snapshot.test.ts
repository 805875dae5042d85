import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededStream } from '../kernel/random.ts';
import { wirePolicy as policy } from '../../test/support/policy.ts';
import { isIgnored } from './ignored.ts';
import { compileSnapshot, DECISION, decide, type Snapshot, type WirePolicy } from './snapshot.ts';

function matches(snapshot: Snapshot, path: string, route = 'r'): number[] {
  const out = new Int32Array(snapshot.policies.length);
  const bytes = Buffer.from(`##${path}##`);
  return [...out.subarray(0, snapshot.match('http', route, bytes, 2, bytes.length - 2, out))];
}
const takes = (target: string, path: string): boolean =>
  matches(compileSnapshot([policy({ target })]), path).length === 1;

/** The rule of CAPABILITIES ("Path match"), written as plainly as possible. */
function naive(target: string, requestTarget: string): boolean {
  const wanted = target.trim().toLowerCase();
  if (['', 'all', '*', '/*'].includes(wanted)) return true;
  const path = (requestTarget.split(/[?#]/)[0] ?? '').replace(/^[a-z]+:\/\/[^/]*/i, '').toLowerCase();
  if (!wanted.endsWith('*')) return path === wanted;
  const prefix = wanted.slice(0, -1);
  return path === prefix || (path.startsWith(prefix) && (prefix.endsWith('/') || path[prefix.length] === '/'));
}

describe('path match', () => {
  const golden: readonly [target: string, path: string, taken: boolean][] = [
    ['/api/users*', '/api/users', true],
    ['/api/users*', '/api/users/123', true],
    ['/api/users*', '/api/users/123/orders/7', true],
    ['/api/users*', '/api/usersettings', false],
    ['/api/users*', '/api/user', false],
    ['/api/users*', '/v2/api/users', false],
    ['/api/users*', '/api/users?page=2', true],
    ['/api/users*', '/api/users/?page=2', true],
    ['/api/users/*', '/api/users', false],
    ['/api/users/*', '/api/users/', true],
    ['/api/users/*', '/api/users/?x', true],
    ['/api/users/*', '/api/users/123', true],
    ['/api/users/*', '/api/users//123', true],
    ['/api/users', '/api/users', true],
    ['/api/users', '/api/users/', false],
    ['/api/users', '/api/users/123', false],
    ['/api/users', '/api/users?x=/api/users/9', true],
    ['/api/users', '/API/Users', true],
    ['/API/Users*', '/api/users/1', true],
    ['/a', '/a#fragment', true],
    ['/x', '/a?next=/x', false],
    ['all', '/anything/at/all', true],
    ['ALL', '/', true],
    ['*', '/', true],
    ['/*', '/deep/er', true],
    ['/*', '*', true],
    ['', '/x', true],
    ['/', '/', true],
    ['/', '/x', false],
    ['/x', '/', false],
    ['/x', '', false],
    ['/charge*', 'http://payments:80/charge/1', true],
    ['/charge*', 'http://payments:80/refund', false],
    ['/charge*', 'http://payments', false],
    ['/a.b*', '/a.b/c', true],
    ['/a.b*', '/a.bc', false],
    ['/käse*', '/käse/1', true],
    [' /trimmed ', '/trimmed', true],
  ];
  for (const [target, path, taken] of golden) {
    it(`${JSON.stringify(target)} ${taken ? 'takes' : 'leaves'} ${JSON.stringify(path)}`, () => {
      assert.equal(takes(target, path), taken);
      assert.equal(naive(target, path), taken, 'the reference of the property test agrees');
    });
  }

  it('agrees with the naive matcher on 20,000 random paths and sets of targets', () => {
    const random = seededStream(7);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const path = (): string =>
      Array.from({ length: Math.floor(random() * 5) }, () =>
        pick(['/', '/a', '/A', '/ab', '/b', 'a', '//', '/aaaaaaaaaaaaaaaaaaaa']),
      ).join('');
    for (let round = 0; round < 200; round++) {
      const targets = Array.from({ length: 1 + Math.floor(random() * 40) }, () =>
        random() < 0.05 ? pick(['all', '*', '', '/*']) : path() + pick(['', '', '*', '/*']),
      );
      const snapshot = compileSnapshot(targets.map((target) => policy({ target })));
      for (let turn = 0; turn < 100; turn++) {
        const request = pick(['', '', 'http://h:1']) + path() + pick(['', '?q', '?/a', '#/a']);
        const expected = targets.flatMap((target, index) => (naive(target, request) ? [index] : []));
        assert.deepEqual(
          matches(snapshot, request),
          expected,
          `targets ${JSON.stringify(targets)}, request ${request}`,
        );
      }
    }
  });

  it('gives cascading policies in file order, whatever their kind of target', () => {
    const snapshot = compileSnapshot(
      ['/a/b', 'all', '/a*', '/a/b', '/a/*', '*', '/z'].map((target) => policy({ target })),
    );
    assert.deepEqual(matches(snapshot, '/a/b'), [0, 1, 2, 3, 4, 5]);
  });

  it('looks at the route', () => {
    const snapshot = compileSnapshot([policy({ route: 'one' }), policy(), policy({ route: 'two', target: '/x*' })]);
    assert.deepEqual(matches(snapshot, '/x', 'one'), [0, 1]);
    assert.deepEqual(matches(snapshot, '/x', 'two'), [1, 2]);
    assert.deepEqual(matches(snapshot, '/x', 'three'), [1]);
  });

  it('leaves out what a policy protects, by the rule of isIgnored', () => {
    const prefixes = ['/health', 'Admin/', '/'];
    const snapshot = compileSnapshot([
      policy(),
      policy({ ignored: prefixes }),
      policy({ target: '/healthz*', ignored: prefixes }),
    ]);
    for (const path of [
      '/health',
      '/HEALTHZ',
      '//health/live',
      '/admin/x',
      '/admin',
      '/x/health',
      'http://h/health?x',
      '/healt',
      '/',
    ]) {
      const protectedOne = isIgnored(prefixes, path.replace('http://h', ''));
      assert.deepEqual(matches(snapshot, path), protectedOne ? [0] : [0, 1], path);
    }
  });

  it('never writes past the end of `out`', () => {
    const snapshot = compileSnapshot([policy(), policy(), policy()]);
    const out = new Int32Array(2);
    assert.equal(snapshot.match('http', '', Buffer.from('/x'), 0, 2, out), 2);
    assert.deepEqual([...out], [0, 1]);
  });

  it('finds names of other protocols at their own boundary', () => {
    const topics = compileSnapshot([
      policy({ protocol: 'kafka', target: 'orders*' }),
      policy({ protocol: 'kafka', target: 'orders.eu' }),
    ]);
    const found = (text: string): number[] => {
      const out = new Int32Array(2);
      return [...out.subarray(0, topics.matchText('kafka', '', text, out))];
    };
    assert.deepEqual(found('orders'), [0]);
    assert.deepEqual(found('orders.eu'), [0, 1]);
    assert.deepEqual(found(`orders.${'ü'.repeat(500)}`), [0]);
    assert.deepEqual(found('orders-eu'), []);
    assert.deepEqual(found('orders?'), []);
  });
  it('protects by prefixes that are longer than every target', () => {
    const topics = compileSnapshot([policy({ protocol: 'kafka', target: 'all', ignored: ['__consumer_offsets'] })]);
    const count = (text: string): number => topics.matchText('kafka', '', text, new Int32Array(1));
    assert.deepEqual([count('__consumer_offsets'), count('__consumer_offsets.old'), count('__consumer_offse'), count('orders')], [0, 0, 1, 1]);
  });
});

describe('gate', () => {
  it('is open only for protocols that have a policy', () => {
    const snapshot = compileSnapshot([policy()]);
    assert.equal(snapshot.gate('http', 'payments'), true);
    assert.equal(snapshot.gate('redis', 'payments'), false);
    assert.equal(compileSnapshot([]).gate('http', 'payments'), false);
    assert.equal(snapshot.match('redis', '', Buffer.from('/'), 0, 1, new Int32Array(1)), 0);
  });
  it('is open only on the routes that have one, and for its messages', () => {
    const orders = policy({ protocol: 'kafka', route: 'orders', scope: 'record' });
    const open = (...policies: WirePolicy[]): boolean[] => {
      const snapshot = compileSnapshot(policies);
      return ['orders', 'bills'].flatMap((route) => [snapshot.gate('kafka', route), snapshot.gateScope('kafka', route, 'record'), snapshot.gateScope('kafka', route, '')]);
    };
    assert.deepEqual(open(orders), [true, true, false, false, false, false]);
    assert.deepEqual(open(orders, policy({ protocol: 'kafka', route: '' })), [true, true, true, true, false, true]);
  });
});

describe('decide', () => {
  const sequence = (over: Partial<WirePolicy>, length = 10_000): number[] => {
    const compiled = compileSnapshot([policy(over)]).policies[0];
    assert.ok(compiled);
    return Array.from({ length }, (_, index) => decide(compiled, index));
  };
  const share = (decisions: readonly number[], kind: number): number =>
    decisions.filter((decision) => decision === kind).length / decisions.length;

  it('gives one sequence for one seed, whatever the fault id, and another for another', () => {
    const chances = { errorChance: 0.3, latencyChance: 0.5, latencyMs: 5 };
    assert.deepEqual(sequence({ ...chances, id: 'f-a' }), sequence({ ...chances, id: 'f-b' }));
    assert.notDeepEqual(sequence(chances), sequence({ ...chances, seed: 43 }));
    assert.notDeepEqual(sequence(chances), sequence({ ...chances, name: 'q' }));
  });

  it('never fires at chance 0 and always at chance 1', () => {
    for (let seed = 0; seed < 20; seed++) {
      assert.ok(sequence({ seed, latencyMs: 5 }).every((decision) => decision === DECISION.none));
      assert.ok(
        sequence({ seed, errorChance: 1, latencyChance: 1, latencyMs: 5 }).every(
          (decision) => decision === DECISION.error,
        ),
      );
      assert.ok(sequence({ seed, latencyChance: 1, latencyMs: 5 }).every((decision) => decision === DECISION.latency));
    }
  });

  it('keeps 10,000 decisions at 30 % within 3 sigma, for either die', () => {
    const sigma = Math.sqrt((0.3 * 0.7) / 10_000);
    for (const seed of [1, 42, 2_147_483_647]) {
      assert.ok(Math.abs(share(sequence({ seed, errorChance: 0.3 }), DECISION.error) - 0.3) <= 3 * sigma);
      assert.ok(
        Math.abs(share(sequence({ seed, latencyChance: 0.3, latencyMs: 5 }), DECISION.latency) - 0.3) <= 3 * sigma,
      );
    }
  });

  it('lets the error win over latency, with dice that do not depend on each other', () => {
    const decisions = sequence({ errorChance: 0.5, latencyChance: 0.5, latencyMs: 5 }, 40_000);
    assert.ok(Math.abs(share(decisions, DECISION.error) - 0.5) < 0.01);
    assert.ok(Math.abs(share(decisions, DECISION.latency) - 0.25) < 0.01);
  });

  it('drops every match without a chance, and a share with one', () => {
    assert.ok(sequence({ dropConnection: true }).every((decision) => decision === DECISION.drop));
    const some = sequence({ dropConnection: true, errorChance: 0.25 });
    assert.ok(Math.abs(share(some, DECISION.drop) - 0.25) < 0.02);
    assert.equal(share(some, DECISION.error), 0);
  });

  it('precomputes what the wire needs', () => {
    const [compiled] = compileSnapshot([
      policy({ name: 'n'.repeat(100), errorBody: 'ü', matchHeaders: { 'X-Canary': 'Yes' } }),
    ]).policies;
    assert.equal(compiled?.label.length, 64);
    assert.equal(compiled?.errorCode, 500);
    assert.equal(compiled?.errorBody.length, 2);
    assert.deepEqual(
      compiled?.headers.map(({ name, value }) => [String(name), String(value)]),
      [['x-canary', 'Yes']],
    );
  });
});
