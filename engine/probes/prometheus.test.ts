import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock } from '../kernel/clock.ts';
import { prometheusProbeSpec, type Reading } from '../kernel/probe.ts';
import { createProbe } from './probe.ts';
import { binary, serve, startPrometheus, without } from './test-prometheus.ts';

const never = new AbortController().signal;
const ask = async (url: string, query: string): Promise<Reading> => {
  await using probe = createProbe(prometheusProbeSpec.parse({ type: 'prometheus', url, query }), { clock: realClock });
  return await probe.poll(never);
};

describe('the Prometheus probe', () => {
  it('reads the real server', { skip: without, timeout: 300_000 }, async () => {
    let stock = 7;
    await using target = await serve(() => `# TYPE shop_stock gauge\nshop_stock{shelf="a"} ${stock}\nshop_stock{shelf="b"} 2\n`);
    await using server = await startPrometheus(binary as string, target.port);
    const until = async (query: string, value: number): Promise<Reading> => {
      for (let reading = await ask(server.url, query); ; reading = await ask(server.url, query)) {
        if (reading.figures.value === value) return reading;
        assert.equal(reading.figures.value === null, !reading.ok, 'a value exactly when the poll was good');
        await sleep(50);
      }
    };
    const first = await until('shop_stock{shelf="a"}', 7);
    assert.deepEqual([first.ok, first.error, first.figures.p99], [true, '', null]);
    stock = 3;
    await until('shop_stock{shelf="a"}', 3);
    await until('sum(shop_stock)', 5);
    await until('scalar(shop_stock{shelf="b"}) * 2', 4);

    assert.equal((await ask(server.url, 'shop_stock')).error, 'the query gave 2 series, expected one');
    assert.equal((await ask(server.url, 'no_such_series')).error, 'the query gave 0 series, expected one');
    assert.equal((await ask(server.url, 'shop_stock{shelf="a"}[1m]')).error, 'the query gave a matrix, expected a number');
    assert.equal((await ask(server.url, 'vector(0) / 0')).error, 'the query gave NaN');
    const wrong = await ask(server.url, 'sum(');
    assert.match(wrong.error, /^Prometheus: .*parse error/);
    assert.deepEqual([wrong.ok, wrong.figures.value], [false, null]);
  });
  it('takes no other answer for a measurement', async () => {
    await using page = await serve(() => '<html>login</html>');
    assert.equal((await ask(`http://127.0.0.1:${page.port}`, 'up')).error, 'the answer is not one of Prometheus');
    await using failing = await serve(() => 'bad gateway', 502);
    assert.equal((await ask(`http://127.0.0.1:${failing.port}`, 'up')).error, 'HTTP 502');
    const gone = failing.port;
    await failing[Symbol.asyncDispose]();
    assert.equal((await ask(`http://127.0.0.1:${gone}`, 'up')).error, 'connection refused');
  });
  it('keeps the path of a server behind a prefix and sends the query unharmed', async () => {
    let seen = '';
    const server = createServer((request, answer) => {
      seen = request.url ?? '';
      answer.end('{"status":"success","data":{"resultType":"scalar","result":[1,"1e3"]}}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const query = 'rate(http_requests_total{code=~"5.."}[1m]) + 1';
    const reading = await ask(`http://127.0.0.1:${(server.address() as AddressInfo).port}/prom/`, query);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    assert.equal(reading.figures.value, 1_000);
    const url = new URL(seen, 'http://x');
    assert.deepEqual([url.pathname, url.searchParams.get('query')], ['/prom/api/v1/query', query]);
  });
});
