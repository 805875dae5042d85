import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EngineEvent, type FaultReport } from '../engine/contract/models.ts';
import { createEngine } from '../engine/index.ts';
import { folder } from './cli/process.ts';
import { startService } from './support/service.ts';

/** A watched apply on the real engine and a real service, with the file edited as people edit files. */

const forever = new AbortController().signal;

async function stage() {
  await using parts = new AsyncDisposableStack();
  const dir = parts.use(folder());
  const { address: upstream } = parts.use(await startService((_request, response) => response.end('from the service')));
  const text = `version: 1
seed: 3
routes:
  - { name: shop, protocol: http, listen: "127.0.0.1:0", upstream: "${upstream}" }
policies:
  - { name: steady, type: http, route: shop, target: /steady, error_chance: 1, error_code: 503 }
  - { name: moving, type: http, route: shop, target: /moving, error_chance: 1, error_code: 500 }
`;
  const path = dir.file('shop.yaml', text);
  const { api } = parts.use(await createEngine({ stateDir: join(dir.path, 'state') }));
  const events = new News(api.streams.events({ since: 0 }, forever));
  const { run, faults } = await api.commands.apply({ text, file: path, ttlMs: 600_000, routes: [], watch: true }, forever);
  const status = () => api.queries.status({}, forever);
  const released = () => api.queries.released({ run }, forever);
  const abort = () => api.commands.abort({ run, why: 'the test is over' }, forever);
  const get = async (route: string, target: string): Promise<number | undefined> => {
    const listen = (await status()).routes.find(({ name }) => name === route)?.listen;
    return new Promise((resolve, reject) => {
      const call = request(`http://${listen}${target}`, { agent: false }, (response) => resolve(response.resume().statusCode));
      call.on('error', reject).end();
    });
  };
  const inForce = async (): Promise<Record<string, FaultReport>> =>
    Object.fromEntries((await status()).faults.map((fault) => [fault.policy, fault]));
  const all = parts.move();
  return {
    path, upstream, events, faults, get, status, inForce, released, abort, api,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The event log, read in order. */
class News {
  readonly #events: AsyncIterator<EngineEvent>;
  constructor(events: AsyncIterable<EngineEvent>) {
    this.#events = events[Symbol.asyncIterator]();
  }
  /** The next thing that the watch has to say: what a reload changed, or what is wrong with the file. */
  async next(): Promise<{ readonly text: string; readonly places: readonly string[] }> {
    for (let item = await this.#events.next(); item.done !== true; item = await this.#events.next()) {
      const { body } = item.value;
      if (body.kind === 'policy' && body.change !== undefined) return { text: body.text, places: [] };
      if (body.kind !== 'log' || body.level !== 'error') continue;
      return { text: body.text, places: (body.issues ?? []).map(({ line, column }) => `${line}:${column}`) };
    }
    return assert.fail('the events have ended');
  }
}

/** As vim writes: a probe file, the old one renamed away, the new one written under its name, the old one deleted. */
function vim(path: string, edit: (text: string) => string): void {
  const text = edit(readFileSync(path, 'utf8'));
  writeFileSync(join(path, '../4913'), '');
  unlinkSync(join(path, '../4913'));
  renameSync(path, `${path}~`);
  writeFileSync(path, text);
  unlinkSync(`${path}~`);
}
const sed = (path: string, script: string): void => void execFileSync('sed', ['-i', script, path]);

const LIMIT = { timeout: 300_000 };

test('a watched apply follows sed -i, vim and a broken edit, and leaves what is unchanged alone', LIMIT, async () => {
  await using s = await stage();
  const steady = s.faults.find(({ policy }) => policy === 'steady')?.id ?? '';
  for (let turn = 0; turn < 5; turn++) assert.equal(await s.get('shop', '/steady'), 503);
  assert.equal(await s.get('shop', '/moving'), 500);
  const before = await s.inForce();
  assert.equal(before['steady']?.id, steady);

  sed(s.path, 's/error_code: 500/error_code: 502/');
  assert.equal((await s.events.next()).text, 'reloaded: 1 policy changed, 1 unchanged');
  assert.deepEqual([await s.get('shop', '/moving'), await s.get('shop', '/steady')], [502, 503]);
  const after = await s.inForce();
  assert.deepEqual([after['steady']?.id, after['steady']?.state, after['steady']?.injectedAt], [steady, 'active', before['steady']?.injectedAt]);
  assert.notEqual(after['moving']?.id, before['moving']?.id);

  sed(s.path, 's/error_chance: 1, error_code: 502/error_chance: 7, eror_code: 502/');
  const broken = await s.events.next();
  assert.match(broken.text, /shop\.yaml has 2 errors; the last good one stays in force\n.*shop\.yaml:7:\d+: .*error_c/);
  assert.deepEqual(broken.places.map((place) => place.split(':')[0]), ['7', '7']);
  assert.deepEqual([await s.get('shop', '/moving'), await s.get('shop', '/steady')], [502, 503]);

  // The second route takes a second listener, and its policy acts on it alone.
  vim(s.path, (text) =>
    text
      .replace('error_chance: 7, eror_code: 502', 'error_chance: 1, error_code: 504')
      .replace('policies:', `  - { name: side, protocol: http, listen: "127.0.0.1:0", upstream: "${s.upstream}" }\npolicies:`)
      .concat('  - { name: late, type: http, route: side, target: /steady, error_chance: 1, error_code: 418 }\n'),
  );
  assert.equal((await s.events.next()).text, 'reloaded: 1 policy added, 1 changed, 1 unchanged, 1 route opened');
  assert.deepEqual([await s.get('shop', '/moving'), await s.get('side', '/steady'), await s.get('side', '/moving')], [504, 418, 200]);

  sed(s.path, '/name: side/d;/name: late/d;/name: moving/d');
  assert.equal((await s.events.next()).text, 'reloaded: 2 policies removed, 1 unchanged, 1 route closed');
  assert.deepEqual((await s.status()).routes.map(({ name }) => name), ['shop']);
  assert.deepEqual([await s.get('shop', '/moving'), await s.get('shop', '/steady')], [200, 503]);
  assert.deepEqual(Object.keys(await s.inForce()), ['steady']);

  await s.abort();
  const released = await s.released();
  assert.deepEqual(released.faults.map(({ policy }) => policy), ['steady', 'moving', 'moving', 'moving', 'late']);
  assert.ok(released.reverted && released.faults.every(({ reverted, state, effect }) => reverted && state === 'clean' && effect.bitten));
  // All eight of its requests: the counter was never set back.
  const kept = released.faults.find(({ id }) => id === steady);
  assert.deepEqual(kept?.effect.figures.map(({ delivered, samples }) => [delivered, samples]), [[1, 8]]);
  const { open, faults, routes } = await s.status();
  assert.deepEqual([open, faults, routes], [[], [], []]);
});

test('an apply that is over does not follow its file any more', LIMIT, async () => {
  await using s = await stage();
  await s.api.commands.halt({ by: 'the test' }, forever);
  assert.equal((await s.released()).why, 'halted');
  const { open, faults, routes, halted } = await s.status();
  assert.deepEqual([open, faults, halted], [[], [], true]);
  assert.deepEqual(routes.map(({ name }) => name), ['shop'], 'HALT cuts no application off');
  sed(s.path, 's/error_code: 500/error_code: 502/');
  // A second apply is told of its own change only; the first would have spoken before, and lifted the HALT.
  const text = readFileSync(s.path, 'utf8');
  const second = await s.api.commands.apply({ text, file: s.path, ttlMs: 600_000, routes: [], watch: true }, forever);
  sed(s.path, '/name: moving/d');
  assert.equal((await s.events.next()).text, 'reloaded: 1 policy removed, 1 unchanged');
  assert.equal((await s.status()).faults.length, 1);
  await s.api.commands.abort({ run: second.run, why: 'the test is over' }, forever);
  assert.ok((await s.api.queries.released({ run: second.run }, forever)).reverted);
});

test('what has no file is refused before anything is injected', LIMIT, async () => {
  await using s = await stage();
  const text = readFileSync(s.path, 'utf8');
  const asked = s.api.commands.apply({ text, file: '<text>', ttlMs: 600_000, routes: [], watch: true }, forever);
  await assert.rejects(asked, { code: 'file-unreadable' });
  assert.equal((await s.status()).faults.length, 2, 'those of the first apply');
});
