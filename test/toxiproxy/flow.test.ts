import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Peer, Upstream } from '../wire/parts.ts';
import { numbered } from '../wire/toxics/parts.ts';
import { echo, type Stage, stage } from './stage.ts';

interface Shown {
  readonly name: string;
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  readonly toxics: readonly { readonly name: string }[];
}

const LOSSLESS: readonly (readonly [type: string, first: object, then: object])[] = [
  ['latency', { latency: 300, jitter: 100 }, { latency: 5 }],
  ['bandwidth', { rate: 100 }, { rate: 200 }],
  ['slow_close', { delay: 60_000 }, { delay: 50_000 }],
  ['timeout', { timeout: 0 }, { timeout: 3_600_000 }],
  ['slicer', { average_size: 100, size_variation: 50, delay: 1_000 }, { average_size: 2_000 }],
  ['limit_data', { bytes: 1_000_000_000 }, { bytes: 2_000_000_000 }],
  ['reset_peer', { timeout: 3_600_000 }, { timeout: 3_500_000 }],
];
const BULK = numbered(1_000_000);

describe('the Toxiproxy API while bytes flow', { timeout: 300_000, concurrency: 1 }, () => {
  let at: Stage;
  let raw: Upstream;
  before(async () => {
    at = await stage();
    raw = await Upstream.start();
  });
  after(async () => {
    await at[Symbol.asyncDispose]();
    await raw[Symbol.asyncDispose]();
  });
  const api = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${at.url}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const create = async (name: string, listen = '127.0.0.1:0'): Promise<Shown> =>
    (await api('POST', '/proxies', { name, listen, upstream: raw.address })) as Shown;
  const join = async (listen: string): Promise<Peer[]> => [await at.call(listen), await raw.next()];

  it('toxics that come, change and go leave every byte in its place', async () => {
    const { listen } = await create('busy');
    const ends = await join(listen);
    for (const [i, [type, first, then]] of LOSSLESS.entries()) {
      const streams = ['upstream', 'downstream'];
      for (const end of ends) end.write(BULK.subarray(0, 500_000));
      for (const stream of streams) await api('POST', '/proxies/busy/toxics', { type, stream, attributes: first });
      for (const end of ends) end.write(BULK.subarray(500_000));
      for (const stream of streams) await api('POST', `/proxies/busy/toxics/${type}_${stream}`, { attributes: then });
      // One by one, or all at once.
      if (i % 2 === 0) for (const stream of streams) await api('DELETE', `/proxies/busy/toxics/${type}_${stream}`);
      else await api('POST', '/reset');
      for (const end of ends) {
        await end.has(BULK.length * (i + 1));
        assert.ok(end.received.subarray(BULK.length * i).equals(BULK), type);
      }
    }
    await api('DELETE', '/proxies/busy');
    for (const end of ends) await end.until(() => end.closed || end.ended, 'the end');
  });

  it('all of them at once, and reset', async () => {
    const { listen } = await create('all');
    const ends = await join(listen);
    for (const [type, attributes] of LOSSLESS) {
      for (const stream of ['upstream', 'downstream']) {
        await api('POST', '/proxies/all/toxics', { type, stream, attributes });
        for (const end of ends) end.write(BULK.subarray(0, 1_000));
      }
    }
    assert.equal(((await api('GET', '/proxies/all')) as Shown).toxics.length, 2 * LOSSLESS.length);
    await api('POST', '/reset');
    for (const end of ends) await end.has(1_000 * 2 * LOSSLESS.length);
    assert.deepEqual(((await api('GET', '/proxies/all')) as Shown).toxics, []);
    await api('DELETE', '/proxies/all');
  });

  it('a proxy is removed whatever it holds back, and its port is free at once', async () => {
    let { listen } = await create('gone');
    for (const [type, attributes] of LOSSLESS) {
      const [client, server] = (await join(listen)) as [Peer, Peer];
      for (const stream of ['upstream', 'downstream'])
        await api('POST', '/proxies/gone/toxics', { type, stream, attributes });
      for (const end of [client, server]) end.write(BULK);
      await api('DELETE', '/proxies/gone');
      for (const end of [client, server]) await end.until(() => end.closed || end.ended, 'the end');
      await assert.rejects(Peer.to(listen), /ECONNREFUSED/);
      ({ listen } = await create('gone', listen));
    }
    await api('DELETE', '/proxies/gone');
    assert.deepEqual((await at.client.query('open', {})).open, []);
  });

  it('populating again leaves alone what is as asked for, and replaces the rest', async () => {
    const first = await Promise.all(['same', 'moved'].map((name) => create(name)));
    const [same, moved] = first as [Shown, Shown];
    const kept = await join(same.listen);
    const lost = await join(moved.listen);
    await api('POST', '/proxies/same/toxics', { type: 'latency', attributes: { latency: 1 } });
    await api('POST', '/proxies/moved/toxics', { type: 'latency', attributes: { latency: 1 } });
    const wanted = [
      { name: 'same', listen: same.listen, upstream: same.upstream },
      { name: 'moved', listen: moved.listen, upstream: at.upstream.address },
      { name: 'off', listen: '127.0.0.1:0', upstream: at.upstream.address, enabled: false },
    ];
    for (let time = 0; time < 3; time++) {
      const { proxies } = (await api('POST', '/populate', wanted)) as { proxies: Shown[] };
      assert.deepEqual(
        proxies.map(({ name, upstream, enabled, toxics }) => [name, upstream, enabled, toxics.length]),
        [
          ['same', raw.address, true, 1],
          ['moved', at.upstream.address, true, 0],
          ['off', at.upstream.address, false, 0],
        ],
      );
    }
    for (const end of lost) await end.until(() => end.closed || end.ended, 'the end');
    kept[0]?.write('still');
    await kept[1]?.says('still');
    await echo(await at.call(moved.listen), 'moved');
    for (const { name } of wanted) await api('DELETE', `/proxies/${name}`);
  });

  it('the configuration file of Toxiproxy loads as routes', async () => {
    // The example of Toxiproxy's README, on free ports.
    const text = JSON.stringify([
      { name: 'web_dev_frontend_1', listen: '127.0.0.1:0', upstream: raw.address, enabled: true },
      { name: 'web_dev_mysql_1', listen: 'localhost:0', upstream: raw.address, enabled: true },
    ]);
    assert.equal(await at.server.populate(text, 'toxiproxy.json'), 2);
    const { routes } = await at.client.query('status', {});
    assert.deepEqual(
      routes.map(({ name, protocol, upstream }) => [name, protocol, upstream]),
      ['web_dev_frontend_1', 'web_dev_mysql_1'].map((name) => [name, 'tcp', raw.address]),
    );
    const [first, second] = routes.map(({ listen }) => listen);
    assert.match(`${first} ${second}`, /^127\.0\.0\.1:[1-9]\d* 127\.0\.0\.1:[1-9]\d*$/);
    await join(second ?? '');
    for (const text of [
      '',
      '{',
      '{}',
      '[{"name": "a"}]',
      '[{"name": 1, "upstream": "127.0.0.1:1"}]',
      '[{"upstream": "127.0.0.1:1"}]',
    ]) {
      await assert.rejects(
        at.server.populate(text, 'bad.json'),
        /^FirebreakError: bad\.json: (bad request body|missing required field)/,
        text,
      );
    }
  });
});
