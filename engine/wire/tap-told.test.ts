import assert from 'node:assert/strict';
import { it } from 'node:test';
import { trafficLine } from '../contract/room.ts';
import type { Verdict } from './effects.ts';
import { createShared, LISTEN, LISTEN_WORD, POLICY } from './shared.ts';
import { Tap, type TapLine } from './tap.ts';

type Failing = Extract<Verdict, { act: 'fail' }>;

const subject = { describe: () => ({ method: 'GET', target: 'cart:7', traceId: '', requestId: '', head: '' }) };
const failing = (over: Partial<Failing>): Failing => ({
  act: 'fail', id: 'p', policy: 'gaps', slot: 0, cell: POLICY.errors, extra: {},
  refusal: { code: 14, body: new Uint8Array(), retryAfter: 0 },
  ...over,
});

/** The line that is told of a failure, as a reader of the traffic gets it. */
async function toldOf(over: Partial<Failing>): Promise<TapLine> {
  const shared = createShared(1);
  new Int32Array(shared.control)[LISTEN_WORD] = LISTEN.all;
  const { promise, resolve } = Promise.withResolvers<TapLine>();
  const tap = new Tap(shared, 0, ({ lines }) => resolve(lines[0] as TapLine));
  tap.failed({ name: 'cache', protocol: 'redis' }, subject, failing(over));
  const line = await promise;
  trafficLine.parse({ ...line, seq: 1 });
  return line;
}

it('what is no error is told as what it is, and bears no status', async () => {
  for (const told of ['lost', 'miss', 'altered'] as const) {
    const { action, status } = await toldOf({ extra: { told } });
    assert.deepEqual([action, status], [told, null]);
  }
});

it('an error bears its status, and its code where its protocol has letters for it', async () => {
  const plain = await toldOf({});
  assert.deepEqual([plain.action, plain.status, plain.code], ['error', 14, undefined]);
  const sql = await toldOf({ extra: { code: '40001' }, refusal: { code: 0, body: new Uint8Array(), retryAfter: 0 } });
  assert.deepEqual([sql.action, sql.status, sql.code], ['error', null, '40001']);
});

it('what is throttled is told so, whatever the policy does to others', async () => {
  const { action, status } = await toldOf({ cell: POLICY.throttled, extra: { told: 'lost', code: 'x' }, refusal: { code: 429, body: new Uint8Array(), retryAfter: 1 } });
  assert.deepEqual([action, status], ['throttle', 429]);
});
