import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listenToxiproxy } from '../../engine/transport/toxiproxy.ts';
import { echo, stage } from './stage.ts';

describe('where the API says more than Toxiproxy', { timeout: 300_000 }, () => {
  it('bad bodies, PATCH, pages of other sites, metrics', async () => {
    await using at = await stage();
    const send = (path: string, method: string, body?: string, headers = {}): Promise<Response> =>
      fetch(`${at.url}${path}`, { method, ...(body !== undefined && { body }), headers });
    const error = async (path: string, body: string): Promise<unknown> => (await send(path, 'POST', body)).json();
    assert.deepEqual(await error('/proxies', ''), { error: 'bad request body: EOF', status: 400 });
    assert.deepEqual(await error('/proxies', '{"name": 5}'), {
      error: 'bad request body: name: expected a string, found a value of type number',
      status: 400,
    });
    assert.equal(((await error('/proxies', '{"name"')) as { status: number }).status, 400);
    const made = { name: 'p', listen: '127.0.0.1:0', upstream: at.upstream.address };
    assert.equal((await send('/proxies', 'POST', JSON.stringify(made))).status, 201);
    assert.equal(
      (await send('/proxies/p/toxics', 'POST', '{"type":"latency","attributes":{"latency":1.5}}')).status,
      400,
    );
    assert.equal(
      (await send('/proxies/p/toxics', 'POST', '{"type":"latency","attributes":{"latency":1}}')).status,
      200,
    );
    assert.equal(
      (await send('/proxies/p/toxics/latency_downstream', 'PATCH', '{"attributes":{"latency":2}}')).status,
      200,
    );
    for (const [type, attribute] of [
      ['latency', 'latency'],
      ['bandwidth', 'rate'],
      ['slow_close', 'delay'],
      ['limit_data', 'bytes'],
      ['slicer', 'delay'],
    ]) {
      const attributes = { [attribute ?? '']: Number.MAX_SAFE_INTEGER };
      const much = await send(
        '/proxies/p/toxics',
        'POST',
        JSON.stringify({ type, name: 'much', toxicity: 7, attributes }),
      );
      assert.equal(much.status, 200, await much.text());
      assert.equal((await send('/proxies/p/toxics/much', 'DELETE')).status, 204);
    }
    assert.equal((await send('/proxies/p', 'PATCH', '{"enabled":false}')).status, 200);
    const anywhere = await send('/proxies', 'POST', JSON.stringify({ name: 'free', upstream: at.upstream.address }));
    assert.match(((await anywhere.json()) as { listen: string }).listen, /^127\.0\.0\.1:[1-9]/);
    assert.equal((await send('/proxies', 'GET', undefined, { origin: 'http://127.0.0.1' })).status, 403);
    const metrics = await send('/metrics', 'GET');
    assert.match(await metrics.text(), /^# HELP /m);
    const taken = await error('/proxies', JSON.stringify({ ...made, name: 'q', listen: at.server.address }));
    assert.deepEqual(
      [(taken as { status: number }).status, /another program listens there/.test(JSON.stringify(taken))],
      [500, true],
    );
    await at.client.command('openRoutes', {
      routes: [{ name: 'own', protocol: 'http', listen: '127.0.0.1:0', upstream: at.upstream.address }],
    });
    assert.equal(
      ((await error('/proxies', JSON.stringify({ ...made, name: 'own' }))) as { status: number }).status,
      409,
    );
  });
  it('a proxy may have any name', async () => {
    await using at = await stage();
    const send = async (path: string, method: string, body?: object): Promise<unknown> => {
      const response = await fetch(`${at.url}/proxies${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      assert.ok(response.ok, text);
      return text === '' ? undefined : JSON.parse(text);
    };
    const names = [
      'my proxy',
      'my-proxy',
      'a/b',
      'a?b',
      'ünï',
      'test_redis:master',
      '__proto__',
      'x'.repeat(300),
      'x'.repeat(301),
    ];
    for (const name of names) {
      const { listen } = (await send('', 'POST', { name, upstream: at.upstream.address, listen: '127.0.0.1:0' })) as {
        listen: string;
      };
      const path = `/${encodeURIComponent(name)}`;
      await send(`${path}/toxics`, 'POST', { type: 'latency', name: 'very late/slow', attributes: { latency: 60 } });
      assert.ok((await echo(await at.call(listen), 'x')) >= 59, name);
      assert.equal(((await send(path, 'GET')) as { name: string }).name, name);
      await send(`${path}/toxics/${encodeURIComponent('very late/slow')}`, 'DELETE');
    }
    assert.deepEqual(new Set(Object.keys((await send('', 'GET')) as object)), new Set(names));
    const { routes } = await at.client.query('status', {});
    assert.equal(new Set(routes.map(({ name }) => name)).size, names.length);
    for (const { name } of routes) assert.match(name, /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'as in a file');
    for (const name of names) await send(`/${encodeURIComponent(name)}`, 'DELETE');
    // What the watchdog could not be told of, or nobody could close again, is not opened.
    const long = {
      name: 'x'.repeat(65),
      protocol: 'tcp',
      listen: '127.0.0.1:0',
      upstream: at.upstream.address,
    } as const;
    await assert.rejects(at.client.command('openRoutes', { routes: [long] }), /openRoutes is not valid: routes.0.name/);
    const far = { ...long, name: 'x', upstream: `${'x'.repeat(300)}:1` };
    await assert.rejects(
      at.client.command('openRoutes', { routes: [far] }),
      /openRoutes is not valid: routes.0.upstream/,
    );
    assert.deepEqual((await at.client.query('status', {})).routes, []);
  });
  it('a version that clients can read', async () => {
    await using at = await stage();
    const response = await fetch(`${at.url}/version`);
    assert.equal(response.headers.get('content-type'), 'application/json;charset=utf-8');
    assert.match(await response.text(), /^\{"version": "2\.\d+\.\d+"\}\n$/);
  });
  it('listens on loopback alone unless that is said', async () => {
    await using at = await stage();
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) {
      await assert.rejects(listenToxiproxy(at.client, { host, port: 0, anywhere: false }), /no password/);
    }
    for (const host of ['', 'localhost', '127.0.0.2']) {
      await using loopback = await listenToxiproxy(at.client, { host, port: 0, anywhere: false });
      assert.match(loopback.address, /^127\.0\.0\.[12]:\d+$/);
    }
    await using anywhere = await listenToxiproxy(at.client, { host: '0.0.0.0', port: 0, anywhere: true });
    assert.match(anywhere.address, /^0\.0\.0\.0:\d+$/);
  });
  it('a toxic that nobody removes ends by itself, and is gone from the list then', async () => {
    await using at = await stage();
    await using short = await listenToxiproxy(at.client, { host: '127.0.0.1', port: 0, anywhere: false, ttlMs: 300 });
    await short.populate(
      JSON.stringify([{ name: 'p', listen: '127.0.0.1:0', upstream: at.upstream.address }]),
      'config',
    );
    const toxics = async (): Promise<unknown[]> =>
      (await (await fetch(`http://${short.address}/proxies/p/toxics`)).json()) as unknown[];
    await fetch(`http://${short.address}/proxies/p/toxics`, { method: 'POST', body: '{"type":"timeout"}' });
    for (let tries = 0; tries < 3_000 && (await toxics()).length > 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await toxics(), []);
    assert.deepEqual((await at.client.query('open', {})).open, []);
  });
});
