import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** For the tests: a real Prometheus server, and servers that are none. */

/** Answers every request with the same. */
export async function serve(body: () => string, status = 200): Promise<{ port: number } & AsyncDisposable> {
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

/** Where the server is installed; undefined when it is not. */
export const binary = (process.env['PATH'] ?? '')
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
export async function startPrometheus(path: string, target: number): Promise<{ url: string } & AsyncDisposable> {
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

/** Why tests of the real server are left out; false when they are not. */
export const without = binary === undefined && 'no prometheus on the PATH (Debian: apt-get install prometheus)';
