import assert from 'node:assert/strict';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { contextOf, faultRequest, figureOf } from '../../../test/support/fault-life.ts';
import { controlTrees, groupFolder, isOwnGroup } from '../../host/control-groups.ts';
import { DNS_ROLE } from '../../host/dns-resolver.ts';
import { findHeld } from '../../host/held.ts';
import { namespaceOf } from '../../host/net-namespace.ts';
import { type Effect, type FaultRequest } from '../../kernel/fault.ts';
import { realClock } from '../../kernel/clock.ts';
import { dnsInjector } from './injector.ts';
import { dnsManifest, type DnsParams } from './manifest.ts';
import { until } from '../process/test-fleet.ts';
import { LONG_TEXT, noStage, SHOP, type Stage, startStage } from './test-stage.ts';
import { type DnsUndo } from './undo.ts';

const injector = dnsInjector({ clock: realClock });
const request = (target: string, fields: Record<string, unknown>, over: Partial<FaultRequest<DnsParams>> = {}) =>
  faultRequest<DnsParams>(dnsManifest, fields, { target, ...over });
const code = (expected: string) => (error: unknown) => error instanceof Error && 'code' in error && error.code === expected;
const lookup = (name: string, more = '') => `load('node:dns/promises').then((dns) => dns.lookup('${name}'${more})).then(({ address }) => address)`;

/** Holds the fault while `look` looks, and proves that it is undone, by an injector that knows the record alone. */
async function held(target: string, fields: Record<string, unknown>, look: (undo: DnsUndo) => Promise<void>, over: Partial<FaultRequest<DnsParams>> = {}, least = 1): Promise<Effect> {
  const asked = request(target, fields, over);
  const context = contextOf(asked);
  const [plan, ...more] = await injector.plan(asked, context.signal);
  assert.ok(plan !== undefined && more.length === 0);
  const undo = injector.undo.parse(JSON.parse(JSON.stringify(plan.undo)));
  const before = await injector.fingerprint(undo);
  try {
    await injector.inject(undo, context);
    await injector.inject(undo, context);
    assert.notEqual(await injector.fingerprint(undo), before);
    await look(undo);
    let effect = await injector.verify(undo, context);
    // The resolver tells what it has counted a moment later.
    const told = (): boolean => effect.bitten && (figureOf(effect, 'questions struck')?.samples ?? 0) >= least;
    for (const end = realClock.now() + 10_000; !told() && realClock.now() < end; effect = await injector.verify(undo, context)) await realClock.sleep(20);
    return effect;
  } finally {
    await dnsInjector({ clock: realClock }).revert(undo);
    await injector.revert(undo);
    assert.equal(await injector.fingerprint(undo), before);
  }
}
const tree = controlTrees().find(({ v2 }) => v2);
/** The kernel lets go of a group when the last process in it has been collected. */
const removeGroupOf = (folder: string): Promise<void> =>
  until('the group can be removed', () => {
    try {
      return (rmdirSync(folder), true);
    } catch {
      return false;
    }
  });
const undoIn = (stage: Stage, scope: DnsUndo['scope'], letters: string): DnsUndo =>
  ({ token: letters.repeat(9), namespace: namespaceOf(stage) ?? assert.fail(), servers: ['fd99::1'], scope, conf: null });
const rulesOf = (stage: Stage): Promise<string> => stage.run('nft', 'list', 'ruleset');

describe('dns', { skip: noStage, timeout: 300_000, concurrency: 1 }, () => {
  test('programs of all kinds are told that a name does not exist, and find it again afterwards', async () => {
    await using stage = await startStage();
    await using app = await stage.app();
    const all = async (): Promise<string[]> => [
      await stage.run('getent', 'hosts', 'shop.test'), await stage.run('curl', '-s', 'http://shop.test/'), await app.evaluate(lookup('shop.test', ', 4')),
    ];
    const well = ['fd99::2         shop.test', 'from the shop', '10.99.0.2'];
    assert.deepEqual(await all(), well);
    const effect = await held(`cmd:${stage.word}`, { names: 'shop.test, *.db.test' }, async (undo) => {
      assert.deepEqual(undo.scope, { kind: 'all' }, 'all that runs in the namespace matches');
      assert.deepEqual(await all(), ['failed 2', 'failed 6', 'failed: ENOTFOUND']);
      assert.equal(await stage.run('getent', 'hosts', 'bank.test'), '10.99.0.2       bank.test', 'other names are as they were');
      assert.match(await stage.run('getent', 'hosts', 'localhost'), /127\.0\.0\.1/);
    });
    assert.deepEqual(await all(), well);
    assert.equal(effect.bitten, true, effect.detail);
    const figure = figureOf(effect, 'questions struck');
    assert.deepEqual([figure?.requested, figure?.delivered], [1, 1]);
    assert.equal(await rulesOf(stage), '', 'no rule is left');
  });

  test('a failing server, a wrong address, one that is silent, and one that is late', async () => {
    await using stage = await startStage();
    await using app = await stage.app();
    const target = `cmd:${stage.word}`;
    const resolve = "load('node:dns/promises').then((dns) => new dns.Resolver({ timeout: 300, tries: 1 }).resolve4('shop.test'))";
    await held(target, { action: 'servfail' }, async () => {
      assert.equal(await app.evaluate(resolve), 'failed: ESERVFAIL');
      assert.equal(await app.evaluate(lookup('shop.test')), 'failed: EAI_AGAIN');
    });
    await held(target, { action: 'wrong-address', ipv4: '192.0.2.7', ipv6: '2001:db8::7' }, async () => {
      assert.equal(await app.evaluate(lookup('shop.test', ', 4')), '192.0.2.7');
      assert.equal(await app.evaluate(lookup('shop.test', ', 6')), '2001:db8::7');
      assert.equal(await app.evaluate("load('node:dns/promises').then((dns) => dns.resolveTxt('long.test')).then((all) => all.length)"), '12', 'no address, nothing wrong');
    });
    await held(target, { action: 'drop' }, async () => assert.equal(await app.evaluate(resolve), 'failed: ETIMEOUT'));
    const late = await held(target, { action: 'delay', delay: '400ms' }, async () => {
      const from = performance.now();
      assert.equal(await app.evaluate(lookup('shop.test', ', 4')), '10.99.0.2');
      assert.ok(performance.now() - from >= 400);
    });
    const delay = figureOf(late, 'delay');
    assert.ok(delay?.delivered !== null && (delay?.delivered ?? 0) >= 400 && (delay?.delivered ?? 0) < 600, `${delay?.delivered} ms`);
    assert.equal(await app.evaluate(lookup('shop.test', ', 4')), '10.99.0.2');
  });

  test('what is not struck passes byte for byte, over UDP, over TCP and with EDNS; what is struck obeys it too', async () => {
    await using stage = await startStage();
    await using app = await stage.app();
    // A question for the long text with AD, CD and DNSSEC OK set.
    const ask = (name: string, transport: 'udp' | 'tcp'): string => {
      const labels = name.split('.').map((label) => `${Buffer.from([label.length]).toString('hex')}${Buffer.from(label).toString('hex')}`).join('');
      const query = `123401300001000000000001${labels}000010000100002904d000008000000c000a00080102030405060708`;
      return transport === 'udp'
        ? `load('node:dgram').then(({ createSocket }) => new Promise((done) => { const s = createSocket('udp4'); s.on('message', (m) => (s.close(), done(m.toString('hex')))); s.send(Buffer.from('${query}', 'hex'), 53, '10.99.0.1'); }))`
        : `load('node:net').then(({ connect }) => new Promise((done) => { let t = ''; const s = connect(53, '10.99.0.1', () => { const q = Buffer.from('${query}', 'hex'); s.write(Buffer.from([0])); setTimeout(() => s.write(Buffer.concat([Buffer.from([q.length]), q])), 20); }); s.on('data', (b) => { t += b.toString('hex'); if (t.length >= 4 + 2 * parseInt(t.slice(0, 4), 16)) { s.destroy(); done(t); } }); }))`;
    };
    const before = [await app.evaluate(ask('long.test', 'udp')), await app.evaluate(ask('long.test', 'tcp'))];
    assert.ok((before[1] ?? '').includes(Buffer.from(LONG_TEXT).toString('hex')));
    await held(`cmd:${stage.word}`, { names: 'shop.test' }, async () => {
      assert.deepEqual([await app.evaluate(ask('long.test', 'udp')), await app.evaluate(ask('long.test', 'tcp'))], before);
      // NXDOMAIN, with RD and CD as asked, one question, no answer, and an OPT record with DNSSEC OK.
      const wrong = '123481930001000000000001' + '0473686f7004746573740000100001' + '00002904d0000080000000';
      assert.equal(await app.evaluate(ask('shop.test', 'udp')), wrong);
      assert.equal(await app.evaluate(ask('shop.test', 'tcp')), `00${(wrong.length / 2).toString(16)}${wrong}`);
    });
  });

  test('a socket that lives on is taken at once, and given back at once', async () => {
    await using stage = await startStage();
    await using app = await stage.app();
    await app.evaluate("load('node:dgram').then(({ createSocket }) => new Promise((done) => (globalThis.own = createSocket('udp4')).bind(0, done)))");
    const ask = `new Promise((done) => { own.once('message', (answer) => done(answer[3] & 15)); own.send(Buffer.from('1234010000010000000000000473686f7004746573740000010001', 'hex'), 53, '10.99.0.1'); })`;
    assert.equal(await app.evaluate(ask), '0');
    await held(`cmd:${stage.word}`, {}, async () => assert.equal(await app.evaluate(ask), '3'));
    assert.equal(await app.evaluate(ask), '0');
  });

  test('processes are taken alone, in control groups of their own, and put back', { skip: tree === undefined && 'no control groups of version 2' }, async () => {
    await using stage = await startStage();
    await using one = await stage.app('-one');
    await using other = await stage.app('-other');
    assert.ok(tree !== undefined);
    const group = (): string | undefined => groupFolder(tree, one.pid);
    const home = group();
    await held(`cmd:${stage.word}-one`, {}, async (undo) => {
      assert.equal(undo.scope.kind, 'moved');
      assert.ok(isOwnGroup(group() ?? ''));
      assert.equal(await one.evaluate(lookup('shop.test', ', 4')), 'failed: ENOTFOUND');
      assert.equal(await other.evaluate(lookup('shop.test', ', 4')), '10.99.0.2');
    });
    assert.equal(group(), home);
    assert.equal(await one.evaluate(lookup('shop.test', ', 4')), '10.99.0.2');
  });

  test('a control group that is there is taken as a whole, with what starts in it later', { skip: tree === undefined && 'no control groups of version 2' }, async (t) => {
    await using stage = await startStage();
    await using app = await stage.app('-app');
    const folder = join(tree?.mount ?? '', stage.word);
    mkdirSync(folder);
    t.after(() => removeGroupOf(folder));
    writeFileSync(join(folder, 'cgroup.procs'), String(app.pid));
    const child = "load('node:child_process').then(({ spawnSync }) => spawnSync('getent', ['hosts', 'shop.test']).status)";
    await held(`group:${stage.word}`, {}, async (undo) => {
      assert.deepEqual(undo.scope, { kind: 'groups', folders: [folder] });
      assert.deepEqual([await app.evaluate(lookup('shop.test')), await app.evaluate(child)], ['failed: ENOTFOUND', '2']);
      assert.equal(await stage.run('getent', 'hosts', 'bank.test'), '10.99.0.2       bank.test', 'nobody else');
    });
    assert.equal(await app.evaluate(child), '0');
  });

  test('a user is planned as a user', async () => {
    await using stage = await startStage();
    await using app = await stage.app('-nobody', ['setpriv', '--reuid', '65534', '--clear-groups', '--']);
    const plans = await injector.plan(request('user:nobody', {}), AbortSignal.timeout(60_000));
    const own = plans.find(({ undo }) => undo.namespace.inode === namespaceOf(stage)?.inode);
    assert.deepEqual(own?.undo.scope, { kind: 'user', uid: 65_534 });
    assert.equal(await app.evaluate('process.getuid()'), '65534');
  });

  test('the programs of one user are taken alone, over IPv6 as well', async () => {
    await using stage = await startStage(['fd99::1']);
    const as = (user: string, name = 'bank'): Promise<string> => stage.run('setpriv', '--reuid', user, '--clear-groups', 'getent', 'hosts', `${name}.test`);
    const scope = { kind: 'user', uid: 65_534 } as const;
    const [one, two] = [undoIn(stage, scope, 'ab'), undoIn(stage, scope, 'cd')];
    try {
      await injector.inject(one, contextOf(request('user:nobody', { names: 'shop.test' })));
      // A second fault of the same scope acts beside the first; one of another scope is refused.
      await injector.inject(two, contextOf(request('user:nobody', { names: 'bank.test', action: 'servfail' })));
      await assert.rejects(injector.inject(undoIn(stage, { kind: 'all' }, 'ef'), contextOf(request('host', {}))), code('collision'));
      assert.deepEqual([await as('65534'), await as('65534', 'shop'), await as('0')], ['failed 2', 'failed 2', '10.99.0.2       bank.test']);
      await injector.revert(one);
      assert.deepEqual([await as('65534'), await as('65534', 'shop')], ['failed 2', 'fd99::2         shop.test'], 'the other stays in force');
    } finally {
      await injector.revert(one);
      await injector.revert(two);
    }
    assert.equal(await as('65534'), '10.99.0.2       bank.test');
    assert.equal(await rulesOf(stage), '');
  });

  test('several that take the same programs act one after the other, whichever of them ends first', async () => {
    await using stage = await startStage(['fd99::1']);
    const undos = ['ab', 'cd', 'ef'].map((letters) => undoIn(stage, { kind: 'all' }, letters));
    const [one, two, three] = undos as [DnsUndo, DnsUndo, DnsUndo];
    const late = contextOf(request('host', { action: 'delay', delay: '300ms' }));
    const asked = async (...names: readonly string[]): Promise<readonly string[]> => Promise.all(names.map(async (name) => (await stage.run('getent', 'ahostsv4', `${name}.test`)).split(' ')[0] ?? ''));
    try {
      await injector.inject(one, contextOf(request('host', { action: 'wrong-address', ipv4: '192.0.2.7', names: 'shop.test' })));
      await injector.inject(two, late);
      await injector.inject(three, contextOf(request('host', { action: 'wrong-address', ipv4: '192.0.2.9', names: 'bank.test' })));
      assert.deepEqual(await asked('shop', 'bank'), ['192.0.2.7', '192.0.2.9']);
      const from = performance.now();
      assert.deepEqual(await asked('shop'), ['192.0.2.7']);
      assert.ok(performance.now() - from >= 300, 'what one answers the other makes late');
      await injector.revert(two);
      assert.deepEqual(await asked('shop', 'bank'), ['192.0.2.7', '192.0.2.9']);
      await injector.revert(three);
      assert.deepEqual(await asked('shop', 'bank'), ['192.0.2.7', SHOP.v4]);
    } finally {
      for (const undo of undos) await injector.revert(undo);
    }
    assert.deepEqual(await asked('shop', 'bank'), [SHOP.v4, SHOP.v4]);
    assert.equal(await rulesOf(stage), '');
  });

  test('the chance is that of a whole look-up', async () => {
    await using stage = await startStage();
    await using app = await stage.app();
    const target = `cmd:${stage.word}`;
    const effect = await held(target, { chance: 0.5, names: 'shop.test' }, async () => {
      const answers = await app.evaluate(
        `load('node:dns/promises').then(async (dns) => { let failed = 0; for (let i = 0; i < 60; i++) await dns.lookup('shop.test').catch(() => failed++); return failed; })`,
      );
      // 60 throws of 0.5: four standard deviations (3.9 each) around 30.
      assert.ok(Math.abs(Number(answers) - 30) <= 16, `${answers} of 60 failed`);
    }, {}, 120);
    assert.equal(figureOf(effect, 'questions struck')?.samples, 120, 'two questions each');
  });

  test('names that are spared: local ones, exceptions, and where the routes of the file lead', async () => {
    await using stage = await startStage();
    const routes = [{ name: 'shop', protocol: 'http', listen: '127.0.0.1:1', upstream: 'shop.test:80' }];
    await held(`cmd:${stage.word}`, { except: 'bank.test' }, async () => {
      assert.equal(await stage.run('getent', 'hosts', 'bank.test'), '10.99.0.2       bank.test');
      assert.equal(await stage.run('getent', 'ahostsv4', 'shop.test').then((text) => text.split(' ')[0]), '10.99.0.2');
      assert.equal(await stage.run('getent', 'hosts', 'mail.test'), 'failed 2');
    }, { routes });
  });

  test('killed with -9, the resolver takes its rules along, and programs find names without help', async () => {
    await using stage = await startStage();
    const asked = request(`cmd:${stage.word}`, {});
    const [plan] = await injector.plan(asked, AbortSignal.timeout(60_000));
    assert.ok(plan);
    const before = await injector.fingerprint(plan.undo);
    await injector.inject(plan.undo, contextOf(asked));
    assert.equal(await stage.run('getent', 'hosts', 'bank.test'), 'failed 2');
    process.kill(findHeld(DNS_ROLE, plan.undo.token)[0]?.pid ?? 0, 'SIGKILL');
    await until('the rules are gone', async () => (await rulesOf(stage)) === '');
    assert.equal(await stage.run('getent', 'hosts', 'bank.test'), '10.99.0.2       bank.test');
    assert.equal((await injector.verify(plan.undo, contextOf(asked))).bitten, false);
    assert.equal(await injector.fingerprint(plan.undo), before);
    await injector.revert(plan.undo);
  });
});
