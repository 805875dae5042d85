import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock } from '../kernel/clock.ts';
import { prometheusProbeSpec, type Reading } from '../kernel/probe.ts';
import { createProbe } from './probe.ts';

const never = new AbortController().signal;
const ask = async (url: string, query: string): Promise<Reading> => {
  await using probe = createProbe(prometheusProbeSpec.parse({ type: 'prometheus', url, query }), { clock: realClock });
  return await probe.poll(never);
};

async function serve(body: () => string, status = 200): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer((_request, answer) => answer.writeHead(status, { 'content-type': 'text/plain' }).end(body()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const binary = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'prometheus'))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** A real server, scraping `target` five times a second, its data under a temporary folder. */
async function startPrometheus(path: string, target: number): Promise<{ url: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-prometheus-'));
  const probe = await serve(() => '');
  const port = probe.port;
  await probe[Symbol.asyncDispose]();
  const scrape = `- job_name: shop\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n  static_configs: [{targets: ["127.0.0.1:${target}"]}]`;
  await writeFile(join(folder, 'prometheus.yml'), `scrape_configs:\n${scrape}\n`);
  const options = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
  const child = spawn(path, options, { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe('the Prometheus probe', () => {
  it('reads the real server', { skip: binary === undefined && 'no prometheus on the PATH (Debian: apt-get install prometheus)', timeout: 60_000 }, async () => {
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
