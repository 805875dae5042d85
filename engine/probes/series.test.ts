import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock, VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { createSeriesClient, type Series, type SeriesQuery } from './series.ts';
import { binary, serve, startPrometheus, without } from './test-prometheus.ts';

const never = new AbortController().signal;
const ask = async (url: string, query: string, over: Partial<SeriesQuery> = {}): Promise<Series[]> => {
  using client = createSeriesClient(realClock);
  return await client.query({ url, query, pastMs: 10_000, stepMs: 1_000, ...over }, never);
};
/** While the server starts it refuses connections, and then answers 503. */
const notUpYet = (error: unknown): Series[] => {
  assert.match(String(error), /connection refused|HTTP 503/);
  return [];
};
const failure = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof FirebreakError && error.code === code && error.hint !== '' && words.test(error.message);
const matrix = (result: unknown): string => JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } });

describe('a range query', () => {
  it('reads the past of the real server', { skip: without, timeout: 300_000 }, async () => {
    await using target = await serve(() => '# TYPE shop_stock gauge\nshop_stock{shelf="a"} 7\nshop_stock{shelf="b"} 2.5\n');
    await using server = await startPrometheus(binary as string, target.port);
    let found: Series[] = [];
    // Until two steps have passed since the first scrape.
    while (!found.some(({ points }) => points.length >= 2)) {
      found = await ask(server.url, 'shop_stock').catch(notUpYet);
      await sleep(100);
    }
    const byShelf = new Map(found.map((series) => [series.labels['shelf'], series]));
    assert.deepEqual([...byShelf.keys()].sort(), ['a', 'b']);
    assert.equal(byShelf.get('a')?.labels['__name__'], 'shop_stock');
    for (const [shelf, value] of [['a', 7], ['b', 2.5]] as const) {
      const { points } = byShelf.get(shelf) as Series;
      assert.deepEqual([...new Set(points.map(([, each]) => each))], [value]);
      assert.ok(points.every(([at], index) => at % 1_000 === 0 && (index === 0 || at === (points[index - 1]?.[0] ?? 0) + 1_000)));
    }
    assert.deepEqual(await ask(server.url, 'no_such_series'), []);
    const [gaps] = await ask(server.url, 'vector(0) / 0');
    assert.deepEqual(gaps?.points, [], 'NaN is a gap');
    const [all] = await ask(server.url, 'vector(1)', { pastMs: 10_999_000 });
    assert.equal(all?.points.length, 11_000, 'as many as the server gives');
    await assert.rejects(ask(server.url, 'sum('), failure('query-failed', /^Prometheus: .*parse error: unclosed left parenthesis/));
    await assert.rejects(ask(server.url, 'shop_stock[1m]'), failure('query-failed', /invalid expression type "range vector"/));
  });

  it('ends at the last full step and asks as the API wants it, behind a prefix too', async () => {
    const clock = new VirtualClock(1_700_000_003_456);
    let seen: { request: IncomingMessage; body: string } | undefined;
    const server = createServer((request, answer) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen = { request, body };
        answer.end(matrix([{ metric: { job: 'x' }, values: [[1_700_000_000, '1.5e3'], [1_700_000_001.5, '+Inf'], [1_700_000_003, '-2']] }]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    using client = createSeriesClient(clock);
    const query = 'rate(x{code=~"5.."}[1m]) + 1 & 2';
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prom/`;
    const series = await client.query({ url, query, pastMs: 60_000, stepMs: 5_000 }, never);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    assert.equal(seen?.request.url, '/prom/api/v1/query_range');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(seen.body)), {
      query, start: '1699999940.000', end: '1700000000.000', step: '5.000', timeout: '15000ms',
    });
    assert.deepEqual(series, [{ labels: { job: 'x' }, points: [[1_700_000_000_000, 1_500], [1_700_000_003_000, -2]] }]);
  });

  it('takes no other answer for a measurement', async () => {
    for (const [body, status, words] of [
      ['<html>login</html>', 200, /not one of Prometheus/],
      ['bad gateway', 502, /HTTP 502/],
      ['{"status":"error","error":"query timed out in expression evaluation"}', 503, /query timed out in expression/],
      [matrix([{ metric: {}, histograms: [[1, {}]] }]), 200, /histograms/],
    ] as const) {
      await using server = await serve(() => body, status);
      await assert.rejects(ask(`http://127.0.0.1:${server.port}`, 'up'), failure('query-failed', words));
    }
    const gone = await serve(() => '');
    await gone[Symbol.asyncDispose]();
    await assert.rejects(ask(`http://127.0.0.1:${gone.port}`, 'up'), failure('query-failed', /connection refused/));
    for (const url of ['file:///etc/passwd', 'prometheus', '']) {
      await assert.rejects(ask(url, 'up'), failure('bad-probe-url', /no http or https URL/));
    }
  });

  it('has limits, and says what to do about them', async () => {
    const too = (words: RegExp) => failure('query-too-large', words);
    await assert.rejects(ask('http://127.0.0.1:9', 'up', { pastMs: 11_000_000 }), too(/11001 points/));
    for (const [body, words] of [
      [() => matrix(Array.from({ length: 201 }, (_, index) => ({ metric: { index: String(index) }, values: [[1, '1']] }))), /201 series/],
      [() => matrix(Array.from({ length: 11 }, () => ({ metric: {}, values: Array.from({ length: 10_000 }, () => [1, '1']) }))), /110000 points/],
      [() => 'x'.repeat(9 * 1024 * 1024), /more than 8 MiB/],
    ] as const) {
      await using server = await serve(body);
      await assert.rejects(ask(`http://127.0.0.1:${server.port}`, 'up'), too(words));
    }
  });

  it('gives up on a server that does not answer, and at once when its caller leaves', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const query = { url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, query: 'up', pastMs: 10_000, stepMs: 1_000 };
    const clock = new VirtualClock();
    using client = createSeriesClient(clock);
    await assert.rejects(clock.runUntil(client.query(query, never)), failure('query-failed', /timed out after 15s/));
    const leaving = new AbortController();
    const asked = client.query(query, leaving.signal);
    leaving.abort(new Error('gone'));
    await assert.rejects(asked, /gone/);
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });
});
