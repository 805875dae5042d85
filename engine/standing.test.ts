import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { api } from './contract/api.ts';
import { createClient } from './contract/client.ts';
import { type StandingReading } from './contract/models.ts';
import { createEngine } from './index.ts';
import { realClock, VirtualClock } from './kernel/clock.ts';
import { FirebreakError } from './kernel/errors.ts';
import { type Probe, probeSpec, type Reading } from './kernel/probe.ts';
import { NO_FIGURES } from './probes/window.ts';
import { MOST_STANDING, StandingProbes } from './standing.ts';
import { openStandingFile } from './store/standing.ts';
import { serve } from './transport/dispatch.ts';
import { memoryPair } from './transport/memory.ts';

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-standing-'));
  return { path, file: join(path, 'standing-probes.json'), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A service that can be counted and told to fail. */
async function service() {
  const state = { status: 200, asked: 0, sockets: 0 };
  const server: Server = createServer((_request, response) => {
    state.asked++;
    response.writeHead(state.status).end('ok');
  });
  server.on('connection', (socket) => {
    state.sockets++;
    socket.on('close', () => state.sockets--);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { state, address: `127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: stop };
}

/** An engine as a host serves it: every input and output crosses the contract. */
async function engineAt(stateDir: string, observer = false) {
  const parts = new AsyncDisposableStack();
  const engine = parts.use(await createEngine({ stateDir, observer }));
  const [near, far] = memoryPair();
  parts.use(serve(api, engine.api, far));
  const client = parts.use(createClient(near));
  const until = async (name: string, wanted: (reading: StandingReading) => boolean): Promise<StandingReading> => {
    for await (const { standing } of client.stream('frames', {}, AbortSignal.timeout(60_000))) {
      const found = standing.find((reading) => reading.name === name);
      if (found !== undefined && wanted(found)) return found;
    }
    assert.fail(`${name} never came to that`);
  };
  return { client, until, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
const http = (url: string) => ({ type: 'http' as const, url, every: '50ms', timeout: '2s', window: '1s' });

describe('standing probes', { timeout: 300_000 }, () => {
  it('follow a route, judge, survive a restart of the engine, and end with it', async () => {
    using dir = folder();
    await using shop = await service();
    const route = { name: 'shop', protocol: 'http' as const, listen: '127.0.0.1:0', upstream: shop.address };
    {
      await using engine = await engineAt(dir.path);
      const { client, until } = engine;
      await client.command('startProbe', { name: 'checkout', probe: http('route://shop/x'), expect: 'success_rate >= 0.99' });
      const closed = await until('checkout', ({ sample }) => sample !== null);
      const { ok, error, held } = closed.sample ?? assert.fail();
      assert.deepEqual([ok, error, held], [false, 'the route shop is not open', false]);
      assert.ok(closed.frustrated > 0);
      await client.command('openRoutes', { routes: [route] });
      const good = await until('checkout', ({ sample, frustrated }) => sample?.held === true && frustrated === 0);
      assert.deepEqual([good.apdexT, good.tolerating, good.describe], [500, 0, 'GET route://shop/x every 50 ms']);
      assert.equal(good.satisfied, good.sample?.figures['samples']);
      shop.state.status = 500;
      await until('checkout', ({ sample }) => sample?.held === false && sample.error === 'HTTP 500');
      shop.state.status = 200;
      await client.command('closeRoutes', { names: ['shop'] });
      await until('checkout', ({ sample }) => sample?.error === 'the route shop is not open');
    }
    assert.equal(statSync(dir.file).mode & 0o777, 0o600);
    await using engine = await engineAt(dir.path);
    const [kept] = await engine.client.query('probes', {});
    assert.deepEqual(kept?.probe, {
      ...http('route://shop/x'), method: 'GET', headers: {}, body: '', status: [], contains: '', apdex_t: '500ms', ema: 0.2,
    });
    // What is listed can be given back as it is.
    await engine.client.command('startProbe', kept ?? assert.fail());
    await engine.client.command('openRoutes', { routes: [route] });
    await engine.until('checkout', ({ sample }) => sample?.held === true);
    assert.deepEqual(await engine.client.command('stopProbe', { name: 'checkout' }), { stopped: true });
    assert.deepEqual(await engine.client.command('stopProbe', { name: 'checkout' }), { stopped: false });
    assert.deepEqual(await engine.client.query('probes', {}), []);
    assert.deepEqual(JSON.parse(readFileSync(dir.file, 'utf8')), { version: 1, probes: [] });
  });

  it('leave no timer and no connection behind when they are stopped', async () => {
    using dir = folder();
    await using shop = await service();
    await using engine = await engineAt(dir.path);
    await engine.client.command('startProbe', { name: 'direct', probe: http(`http://${shop.address}/`) });
    const { sample } = await engine.until('direct', (reading) => (reading.sample?.figures['samples'] ?? 0) >= 3);
    assert.deepEqual([sample?.held, sample?.ok], [null, true]);
    await engine.client.command('stopProbe', { name: 'direct' });
    while (shop.state.sockets > 0) await realClock.sleep(10);
    const { asked } = shop.state;
    // Another probe has polled ten times since: one that were left would have been heard of.
    await using other = await service();
    await engine.client.command('startProbe', { name: 'other', probe: http(`http://${other.address}/`) });
    await engine.until('other', (reading) => (reading.sample?.figures['samples'] ?? 0) >= 10);
    assert.deepEqual([shop.state.asked, shop.state.sockets], [asked, 0]);
  });

  it('refuse a bad condition with its position and hint, a bad URL, and an observer; nothing changes then', async () => {
    using dir = folder();
    await using engine = await engineAt(dir.path);
    const start = (probe: { url: string; expect?: string; name?: string }, at = engine) =>
      at.client.command('startProbe', { name: probe.name ?? 'bad', probe: http(probe.url), expect: probe.expect ?? '' });
    await assert.rejects(start({ url: 'http://127.0.0.1:1/', expect: 'success_rate > 0.5 &&\n p98 < 5' }), (error) => {
      assert.ok(error instanceof FirebreakError);
      assert.deepEqual([error.code, error.exitCode, error.hint], ['bad-probe', 2, 'did you mean p95?']);
      assert.match(error.message, /^The probe bad is not started: expect, line 2, column 2: there is no figure p98\.$/);
      const [issue] = error.issues;
      assert.deepEqual([issue?.path, issue?.place], ['expect', { file: 'expect', line: 2, column: 2 }]);
      return true;
    });
    await assert.rejects(start({ url: 'ftp://x/' }), { code: 'bad-probe', hint: /http:\/\/127/ });
    assert.deepEqual(await engine.client.query('probes', {}), []);
    assert.equal(existsSync(dir.file), false);
    await using looking = await engineAt(dir.path, true);
    await assert.rejects(start({ url: 'http://127.0.0.1:1/' }, looking), { code: 'probes-elsewhere' });
    await start({ url: 'http://127.0.0.1:1/' });
    await using second = await engineAt(dir.path);
    await assert.rejects(start({ url: 'http://127.0.0.1:1/', name: 'more' }, second), { code: 'probes-elsewhere' });
    const refused = await engine.until('bad', ({ sample }) => sample !== null);
    assert.deepEqual([refused.sample?.error, refused.sample?.latency], ['connection refused', null]);
  });
});

/** Probes that answer when told to, in virtual time, over a real file. */
function scene(stateDir: string, observer = false) {
  const clock = new VirtualClock();
  const notices: string[] = [];
  const waiting: ((reading: Reading) => void)[] = [];
  const ended: string[] = [];
  const createProbe = (spec: Probe['spec']): Probe => ({
    spec,
    describe: () => spec.url,
    poll: (signal) => {
      const { promise, resolve } = Promise.withResolvers<Reading>();
      signal.addEventListener('abort', () => resolve(reading('stopped')));
      waiting.push(resolve);
      return promise;
    },
    [Symbol.asyncDispose]: async () => void ended.push(spec.url),
  });
  const notice = (text: string): void => void notices.push(text);
  const probes = new StandingProbes({ clock, observer, createProbe, notice, file: openStandingFile(stateDir, notice) });
  return { clock, notices, waiting, ended, probes, [Symbol.asyncDispose]: () => probes[Symbol.asyncDispose]() };
}
const reading = (error: string): Reading => ({ at: 1, ok: error === '', latency: null, error, figures: NO_FIGURES });
const asked = (name: string, url = `http://${name}/`) => ({ name, expect: '', probe: probeSpec.parse({ type: 'http', url, every: '50ms' }) });

describe('the driver of standing probes', () => {
  it('lets no more than 16 polls of a probe wait, and goes on when they have ended', async () => {
    using dir = folder();
    await using s = scene(dir.path);
    s.probes.start(asked('slow'));
    await s.clock.advance(5_000);
    assert.equal(s.waiting.length, 16);
    s.waiting[0]?.(reading('late'));
    await s.clock.advance(50);
    assert.equal(s.waiting.length, 17);
    assert.equal(s.probes.readings()[0]?.sample?.error, 'late');
  });

  it('replaces a probe in its place, or changes nothing when that cannot be kept', async () => {
    using dir = folder();
    await using s = scene(dir.path);
    for (const name of ['a', 'b']) s.probes.start(asked(name));
    s.probes.start(asked('a', 'http://new/'));
    await s.clock.advance(0);
    assert.deepEqual(s.probes.readings().map(({ describe }) => describe), ['http://new/', 'http://b/']);
    assert.deepEqual(s.ended, ['http://a/']);
    rmSync(dir.path, { recursive: true });
    writeFileSync(dir.path, 'in the way');
    assert.throws(() => s.probes.start(asked('a', 'http://newest/')), { code: 'state-unwritable' });
    await assert.rejects(s.probes.stop('b'), { code: 'state-unwritable' });
    await s.clock.advance(0);
    assert.deepEqual(s.probes.readings().map(({ describe }) => describe), ['http://new/', 'http://b/']);
    assert.deepEqual(s.ended, ['http://a/', 'http://newest/']);
  });

  it(`takes ${MOST_STANDING}, and the next only in the place of one of them`, async () => {
    using dir = folder();
    await using s = scene(dir.path);
    for (let n = 0; n < MOST_STANDING; n++) s.probes.start(asked(`p${n}`));
    assert.throws(() => s.probes.start(asked('more')), { code: 'too-many-probes' });
    s.probes.start(asked('p5', 'http://again/'));
    assert.equal(s.probes.list().length, MOST_STANDING);
  });

  it('runs in one engine at a time, and in the next when that has ended', async () => {
    using dir = folder();
    const first = scene(dir.path);
    first.probes.start(asked('a'));
    await using second = scene(dir.path);
    await using looking = scene(dir.path, true);
    await second.clock.advance(60_000);
    assert.deepEqual(second.probes.list(), []);
    await first[Symbol.asyncDispose]();
    assert.deepEqual(first.ended, ['http://a/']);
    await second.clock.advance(5_000);
    await looking.clock.advance(60_000);
    assert.deepEqual([second.probes.list().map(({ name }) => name), looking.probes.list()], [['a'], []]);
    assert.deepEqual(second.notices, []);
  });

  it('says what of a damaged file it cannot read, keeps it aside, and runs the rest', async () => {
    using dir = folder();
    const good = { name: 'good', probe: { type: 'http', url: 'http://good/' }, expect: '' };
    const bad = { ...good, name: 'bad', expect: 'p98 < 5' };
    const damaged = JSON.stringify({ version: 1, probes: [good, { name: 'odd' }, bad] });
    writeFileSync(dir.file, damaged);
    {
      await using s = scene(dir.path);
      assert.deepEqual(s.probes.list().map(({ name }) => name), ['good']);
      assert.match(s.notices.join('\n'), /^1 of the standing probes .* cannot be read\..*\.damaged\.\n.*bad does not run: .*no figure p98/);
      assert.equal(readFileSync(`${dir.file}.damaged`, 'utf8'), damaged);
    }
    writeFileSync(dir.file, '{"version":1,"pro');
    await using s = scene(dir.path);
    assert.deepEqual([s.probes.list(), s.notices.length], [[], 1]);
    s.probes.start(asked('new'));
    assert.equal(readFileSync(`${dir.file}.damaged`, 'utf8'), '{"version":1,"pro');
  });
});
