import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { type Evaluator } from '../../../test/support/evaluator.ts';
import { effect } from '../../kernel/fault.ts';
import { until } from '../process/test-fleet.ts';
import { noStage, startStage } from './test-stage.ts';
import { type DnsUndo } from './undo.ts';

const room = (call: string): string => `load(${JSON.stringify(new URL('./test-host.ts', import.meta.url).href)}).then((room) => room.${call})`;
const begin = async (engine: Evaluator, redirect = ''): Promise<DnsUndo> => {
  const said = await engine.evaluate(room(`begin({ names: 'shop.test' }, ${JSON.stringify(redirect)})`));
  assert.ok(said.startsWith('{'), said);
  return JSON.parse(said) as DnsUndo;
};
const end = (engine: Evaluator, undo: DnsUndo): Promise<string> => engine.evaluate(room(`end(${JSON.stringify(undo)})`));

/** The whole host: an engine within the stage, to which the stage is the machine. */
describe('dns of the whole host', { skip: noStage, timeout: 300_000, concurrency: 1 }, () => {
  for (const [way, redirect] of Object.entries({ 'by rules': '', 'by resolv.conf, where there are no rules': 'this kernel has none' })) {
    test(`${way}: a name is lost, others are not, and the file is as it was`, async () => {
      await using stage = await startStage();
      await using engine = await stage.app('-engine');
      const before = readFileSync(stage.conf, 'utf8');
      const { mtimeMs, ino } = statSync(stage.conf);
      const undo = await begin(engine, redirect);
      assert.equal(undo.conf === null, redirect === '');
      assert.equal(await stage.run('getent', 'hosts', 'shop.test'), 'failed 2');
      assert.equal(await stage.run('getent', 'hosts', 'bank.test'), '10.99.0.2       bank.test');
      assert.equal(readFileSync(stage.conf, 'utf8') === before, redirect === '');
      assert.match(readFileSync(stage.conf, 'utf8'), /^options attempts:2$/m);
      // The resolver tells what it has counted a moment later.
      await until('it is seen to bite', async () => effect.parse(JSON.parse(await engine.evaluate(room('verify()')))).bitten);
      assert.match(await end(engine, undo), redirect === '' ? /rules none, resolvers 0/ : /resolv\.conf as it was, resolvers 0/);
      assert.match(await stage.run('getent', 'hosts', 'shop.test'), /shop\.test$/);
      assert.equal(readFileSync(stage.conf, 'utf8'), before);
      assert.deepEqual([statSync(stage.conf).mtimeMs, statSync(stage.conf).ino], [mtimeMs, ino]);
    });
  }

  test('by resolv.conf, the engine killed with -9: names are found until the file is put back, and then as ever', async () => {
    await using stage = await startStage();
    await using engine = await stage.app('-engine');
    await using watchdog = await stage.app('-watchdog');
    const before = readFileSync(stage.conf, 'utf8');
    const undo = await begin(engine, 'this kernel has none');
    assert.equal(await stage.run('getent', 'hosts', 'shop.test'), 'failed 2');
    await engine[Symbol.asyncDispose]();
    await until('names are found', async () => (await stage.run('getent', 'hosts', 'shop.test')) !== 'failed 2');
    assert.match(await stage.run('getent', 'hosts', 'shop.test'), /shop\.test$/);
    assert.notEqual(readFileSync(stage.conf, 'utf8'), before);
    assert.match(await end(watchdog, undo), /as it was, resolvers 0/);
    assert.equal(readFileSync(stage.conf, 'utf8'), before);
    assert.match(await stage.run('getent', 'hosts', 'shop.test'), /shop\.test$/);
  });

  test('by resolv.conf: what something else writes meanwhile is left alone, and said', async () => {
    await using stage = await startStage();
    await using engine = await stage.app('-engine');
    const undo = await begin(engine, 'this kernel has none');
    const theirs = '# by a DHCP client\nnameserver 10.99.0.1\n';
    writeFileSync(stage.conf, theirs);
    assert.equal(await end(engine, undo), 'failed: changed-meanwhile');
    assert.equal(readFileSync(stage.conf, 'utf8'), theirs);
    assert.match(await stage.run('getent', 'hosts', 'shop.test'), /shop\.test$/);
  });

  test('without rules, nothing smaller than the host is promised', async () => {
    await using stage = await startStage();
    await using engine = await stage.app('-engine');
    const said = await engine.evaluate(`load(${JSON.stringify(new URL('./injector.ts', import.meta.url).href)}).then(async ({ dnsInjector }) => {
      const { dnsManifest } = await load(${JSON.stringify(new URL('./manifest.ts', import.meta.url).href)});
      const refusal = 'this kernel has none';
      const injector = dnsInjector({ clock: null, can: () => ({ redirect: refusal, groups: refusal }) });
      await injector.plan({ target: 'user:nobody', params: dnsManifest.params.parse({}) }, AbortSignal.timeout(60000));
    })`);
    assert.equal(said, 'failed: no-rules');
  });
});
