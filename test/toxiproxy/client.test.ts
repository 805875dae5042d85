import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Proxy, Toxiproxy } from 'toxiproxy-node-client';
import { Peer } from '../wire/parts.ts';
import { echo, type Stage, stage } from './stage.ts';
import { measuresEveryToxic, ProxiedLine } from './toxics.ts';

/** The published client of Toxiproxy for Node, unchanged, on Firebreak. */
describe('toxiproxy-node-client drives Firebreak', { timeout: 300_000, concurrency: 1 }, () => {
  let at: Stage;
  let toxiproxy: Toxiproxy;
  let proxies = 0;
  before(async () => {
    at = await stage();
    toxiproxy = new Toxiproxy(at.url);
  });
  after(() => at[Symbol.asyncDispose]());
  const proxy = (): Promise<Proxy> =>
    toxiproxy.createProxy({ name: `echo-${++proxies}`, listen: '127.0.0.1:0', upstream: at.upstream.address });
  const faults = async (): Promise<string[]> =>
    (await at.client.query('status', {})).faults.filter(({ state }) => state === 'active').map(({ policy }) => policy);
  const shown = async (name: string): Promise<{ toxics: unknown[]; enabled: boolean }> =>
    (await (await fetch(`${at.url}/proxies/${name}`)).json()) as { toxics: unknown[]; enabled: boolean };
  const common = { stream: 'downstream', toxicity: 1 } as const;

  it('creates, lists, changes and removes proxies', async () => {
    const made = await proxy();
    assert.match(made.listen, /^127\.0\.0\.1:[1-9]\d*$/);
    const peer = await at.call(made.listen);
    await echo(peer, 'hello');
    const [known] = Object.values(await toxiproxy.getAll()).filter(({ name }) => name === made.name);
    assert.deepEqual(known?.toJson(), {
      name: made.name,
      listen: made.listen,
      upstream: at.upstream.address,
      enabled: true,
    });
    assert.deepEqual((await toxiproxy.get(made.name)).toJson(), known?.toJson());
    await made.remove();
    await assert.rejects(toxiproxy.get(made.name), /404|proxy not found/);
    await assert.rejects(Peer.to(made.listen), /ECONNREFUSED/);
    assert.match(await toxiproxy.getVersion(), /^\{"version": "2\.\d+\.\d+"\}/);
  });

  it('a disabled proxy lets nobody in and ends whoever is in, and comes back', async () => {
    const made = await proxy();
    const peer = await at.call(made.listen);
    await echo(peer, 'in');
    const off = await made.update({ enabled: false, listen: made.listen, upstream: made.upstream });
    assert.equal(off.enabled, false);
    await peer.until(() => peer.closed, 'the end');
    await assert.rejects(at.call(made.listen), /ECONNREFUSED/);
    const on = await made.update({ enabled: true, listen: made.listen, upstream: made.upstream });
    assert.equal(on.enabled, true);
    await echo(await at.call(made.listen), 'back');
    await made.remove();
  });

  it('a port that somebody else took from a disabled proxy is an error when it is to come back', async () => {
    const made = await proxy();
    const body = { listen: made.listen, upstream: made.upstream };
    const wanted = JSON.stringify({ ...body, enabled: true });
    await made.addToxic({ ...common, name: 'late', type: 'latency', attributes: { latency: 50, jitter: 0 } });
    await made.update({ ...body, enabled: false });
    {
      await using other = createServer().listen({ host: '127.0.0.1', port: Number(made.listen.split(':')[1]) });
      await once(other, 'listening');
      const refused = await fetch(`${at.url}/proxies/${made.name}`, { method: 'POST', body: wanted });
      const said = (await refused.json()) as { error: string; status: number };
      assert.deepEqual([refused.status, said.status], [500, 500]);
      assert.match(said.error, /cannot listen.*EADDRINUSE.*another program listens there/);
      assert.equal((await shown(made.name)).enabled, false);
    }
    await made.update({ ...body, enabled: true });
    assert.ok((await echo(await at.call(made.listen), 'back')) >= 49);
    await made.remove();
    assert.deepEqual(await faults(), []);
    assert.deepEqual((await at.client.query('open', {})).open, [], 'nothing is left to be undone');
  });

  it('each toxic is a fault of the engine while it is there: journalled, and gone when removed', async () => {
    const made = await proxy();
    const all = [
      { type: 'latency', attributes: { latency: 5, jitter: 1 } },
      { type: 'bandwidth', attributes: { rate: 1_000 } },
      { type: 'slow_close', attributes: { delay: 5 } },
      { type: 'timeout', attributes: { timeout: 60_000 } },
      { type: 'reset_peer', attributes: { timeout: 60_000 } },
      { type: 'slicer', attributes: { average_size: 64, size_variation: 32, delay: 10 } },
      { type: 'limit_data', attributes: { bytes: 1_000_000 } },
    ] as const;
    for (const { type, attributes } of all) {
      const toxic = await made.addToxic({ ...common, name: '', type, attributes });
      assert.deepEqual(toxic.toJson(), {
        name: `${type}_downstream`,
        type,
        stream: 'downstream',
        toxicity: 1,
        attributes,
      });
      assert.deepEqual((await made.getToxic(toxic.name)).toJson(), toxic.toJson());
      assert.ok((await faults()).includes(`${made.name}/${type}_downstream`));
      assert.ok((await at.client.query('open', {})).open.length > 0, 'the undo is on disk');
      await toxic.remove();
      assert.deepEqual(await faults(), []);
      await assert.rejects(made.getToxic(toxic.name), /404|toxic not found/);
    }
    assert.deepEqual((await at.client.query('open', {})).open, []);
    await made.remove();
  });

  it('latency, changed and removed, on a connection that is open all the while', async () => {
    const made = await proxy();
    const peer = await at.call(made.listen);
    await echo(peer, 'a');
    const toxic = await made.addToxic({
      ...common,
      name: 'slow',
      type: 'latency',
      attributes: { latency: 100, jitter: 0 },
    });
    assert.ok((await echo(peer, 'b')) >= 99);
    const changed = await toxic.update({
      ...common,
      name: 'slow',
      type: 'latency',
      attributes: { latency: 250, jitter: 0 },
    });
    assert.equal(changed.attributes.latency, 250);
    assert.ok((await echo(peer, 'c')) >= 249);
    await changed.remove();
    await echo(peer, 'd');
    assert.equal(peer.received.toString(), 'abcd');
    await made.remove();
  });

  it('toxicity 0 has no effect, and reset enables everything and removes every toxic', async () => {
    const made = await proxy();
    const peer = await at.call(made.listen);
    await made.addToxic({
      name: 'none',
      stream: 'upstream',
      toxicity: 0,
      type: 'reset_peer',
      attributes: { timeout: 0 },
    });
    await echo(peer, 'still');
    await made.addToxic({ ...common, name: 'late', type: 'latency', attributes: { latency: 3_000_000, jitter: 0 } });
    peer.write(' held');
    const second = await proxy();
    await second.update({ enabled: false, listen: second.listen, upstream: second.upstream });
    await toxiproxy.reset();
    await peer.says('still held');
    await echo(await at.call(second.listen), 'enabled');
    assert.deepEqual((await shown(made.name)).toxics, []);
    assert.deepEqual(await faults(), []);
    await made.remove();
    await second.remove();
  });

  it('populates', async () => {
    const body = ['x', 'y'].map((name) => ({
      name,
      listen: '127.0.0.1:0',
      upstream: at.upstream.address,
      enabled: name === 'x',
    }));
    const made = await toxiproxy.populate(body);
    assert.deepEqual(
      Object.values(made).map(({ name, enabled }) => [name, enabled]),
      [
        ['x', true],
        ['y', false],
      ],
    );
    await echo(await at.call(made['x']?.listen ?? ''), 'x');
    for (const one of Object.values(made)) await one.remove();
  });

  it('HALT ends toxics and opens what is disabled, and the API shows no more than what is in force', async () => {
    const made = await proxy();
    const second = await proxy();
    const peer = await at.call(made.listen);
    await made.addToxic({ ...common, name: 'silent', type: 'timeout', attributes: { timeout: 0 } });
    await second.update({ enabled: false, listen: second.listen, upstream: second.upstream });
    peer.write('held');
    await at.client.command('halt', { by: 'a test' });
    await peer.says('held');
    await echo(await at.call(second.listen), 'in');
    for (
      let tries = 0;
      tries < 500 && ((await shown(made.name)).toxics.length > 0 || !(await shown(second.name)).enabled);
      tries++
    ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.deepEqual([(await shown(made.name)).toxics, (await shown(second.name)).enabled], [[], true]);
    await made.remove();
    await second.remove();
  });

  it('keeps no version of what no person wrote', async () => {
    assert.deepEqual(await at.client.query('versions', {}), []);
  });
});

describe(
  'toxiproxy-node-client drives every toxic, each within 10 % of what was asked',
  { timeout: 300_000, concurrency: 1 },
  () => {
    let line: ProxiedLine;
    let proxy: Proxy;
    before(async () => {
      line = await ProxiedLine.open(async ({ at, upstream }) => {
        proxy = await new Toxiproxy(at.url).createProxy({
          name: 'line',
          listen: '127.0.0.1:0',
          upstream: upstream.address,
        });
      });
    });
    after(() => line[Symbol.asyncDispose]());
    const body = { name: 'it', toxicity: 1 } as const;
    let toxic: Awaited<ReturnType<Proxy['addToxic']>>;
    measuresEveryToxic(
      () => line,
      () => ({
        add: async (type, stream, attributes) =>
          void (toxic = await proxy.addToxic({ ...body, type, stream, attributes } as never)),
        update: (attributes) => toxic.update({ ...body, type: toxic.type, stream: toxic.stream, attributes } as never),
        remove: () => toxic.remove(),
        enable: (enabled) => proxy.update({ enabled, listen: proxy.listen, upstream: proxy.upstream }),
      }),
    );
  },
);
