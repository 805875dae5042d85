import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type RunOutcome } from '../engine/contract/api.ts';
import { noStage, SHOP, startStage } from '../engine/faults/dns/test-stage.ts';
import { noFaketime, startClocked } from '../engine/faults/time/test-clocked.ts';
import { type Evaluator } from './support/evaluator.ts';
import { noGreeter, startGreeter } from './support/greeter.ts';
import { runTemplate, type Service } from './support/template.ts';

/** The templates of the library that act on the machine, on services of one's own: one that is ready for it, one that is not. */

/** A service that serves with what a process of its own says. */
const saying = (service: Evaluator, script: string, right: string): (() => Promise<Service>) => async () => ({
  serve: async () => assert.equal(await service.evaluate(script), right),
  [Symbol.asyncDispose]: async () => {},
});

function judge(outcome: RunOutcome, ready: boolean): void {
  const [fault] = outcome.faults;
  assert.ok(fault?.effect.bitten === true && fault.reverted, JSON.stringify(outcome.faults));
  assert.ok(ready ? outcome.verdict === 'held' : ['refuted', 'aborted'].includes(outcome.verdict ?? ''), `${outcome.verdict}: ${outcome.reason}`);
}

describe('the templates for the machine', { concurrency: 1 }, () => {
  test('dns-failure: a service that keeps the addresses it knows holds, one that asks anew does not', { timeout: 300_000, skip: noStage }, async () => {
    for (const keeps of [true, false]) {
      await using stage = await startStage();
      await using app = await stage.app('-my-service');
      const lookup = "load('node:dns/promises').then((dns) => dns.lookup('shop.test', 4)).then(({ address }) => address)";
      const script = keeps ? `${lookup}.then((address) => (globalThis.known = address), () => globalThis.known)` : lookup;
      const edits = [['cmd:my-service.js', `cmd:${app.word}`], ['"api.example.org"', 'shop.test']] as const;
      const outcome = await runTemplate({ file: 'dns-failure.yaml', edits, service: saying(app, script, SHOP.v4) });
      judge(outcome, keeps);
      assert.equal(await app.evaluate(lookup), SHOP.v4, 'it finds back by itself');
    }
  });

  test('clock-drift: a service that allows for a minute holds, one that allows for nothing does not', { timeout: 300_000, skip: noFaketime }, async () => {
    for (const leeway of [60_000, 300]) {
      await using app = await startClocked();
      const offset = async (): Promise<Service> => ({
        serve: async () => assert.ok(Math.abs(await app.offset()) < leeway),
        [Symbol.asyncDispose]: async () => {},
      });
      const edits = [['cmd:my-service.js', `cmd:${app.word}`], ['drift: 50ms', 'drift: 500ms']] as const;
      judge(await runTemplate({ file: 'clock-drift.yaml', edits, service: offset, durationMs: 5_000 }), leeway > 1_000);
    }
  });

  test('certificate-expiry: a certificate for a month holds, one for a day does not', { timeout: 300_000, skip: noFaketime || noGreeter }, async () => {
    for (const days of [30, 1]) {
      await using app = await startClocked();
      await using greeter = await startGreeter(days);
      const edits = [['cmd:my-service.js', `cmd:${app.word}`]] as const;
      judge(await runTemplate({ file: 'certificate-expiry.yaml', edits, service: saying(app, greeter.script, 'hello') }), days > 2);
    }
  });
});
