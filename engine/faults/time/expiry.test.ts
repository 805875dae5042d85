import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextOf, faultRequest } from '../../../test/support/fault-life.ts';
import { noGreeter, startGreeter } from '../../../test/support/greeter.ts';
import { realClock } from '../../kernel/clock.ts';
import { timeInjector } from './injector.ts';
import { timeManifest, type TimeParams } from './manifest.ts';
import { noFaketime, startClocked } from './test-clocked.ts';

/** What a clock that is off does to programs: certificates and tokens expire, or are not valid yet. */

const injector = timeInjector({ clock: realClock });

/** Asks within the process: before, during each fault and after. */
async function around(ask: string, faults: readonly Record<string, unknown>[]): Promise<readonly string[]> {
  await using clocked = await startClocked();
  const said = [await clocked.evaluate(ask)];
  for (const fields of faults) {
    const request = faultRequest<TimeParams>(timeManifest, fields, { target: `pid:${clocked.pid}` });
    const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(plan);
    try {
      await injector.inject(plan.undo, contextOf(request));
      said.push(await clocked.evaluate(ask));
    } finally {
      await injector.revert(plan.undo);
    }
  }
  return [...said, await clocked.evaluate(ask)];
}

test('a certificate that expires tomorrow has expired for a client two days ahead', { skip: noFaketime || noGreeter, timeout: 120_000 }, async () => {
  await using greeter = await startGreeter(1);
  assert.deepEqual(await around(greeter.script, [{ offset: '48h' }, { offset: '48h', behind: true }]), ['hello', 'failed: CERT_HAS_EXPIRED', 'failed: CERT_NOT_YET_VALID', 'hello']);
});

test('a token of an hour is refused by a service two hours ahead, and by one that is behind its issuer', { skip: noFaketime, timeout: 120_000 }, async () => {
  const now = Math.floor(Date.now() / 1_000);
  // As RFC 7519, section 4.1, has it: `nbf` and `exp` in seconds.
  const claims = Buffer.from(JSON.stringify({ sub: 'shop', nbf: now, exp: now + 3_600 })).toString('base64url');
  const ask = `(({ nbf, exp }, seconds) => (seconds >= exp ? 'expired' : seconds < nbf ? 'not yet valid' : 'welcome'))(JSON.parse(Buffer.from('${claims}', 'base64url')), Date.now() / 1000)`;
  assert.deepEqual(await around(ask, [{ offset: '2h' }, { offset: '1m', behind: true }]), ['welcome', 'expired', 'not yet valid', 'welcome']);
});
