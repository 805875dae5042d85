import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { Peer, Upstream } from '../wire/parts.ts';
import { echo } from './stage.ts';

const MAIN = resolve(import.meta.dirname, '../../engine/cli/main.ts');
const NODE = ['--disable-warning=ExperimentalWarning', MAIN];

interface Shown {
  readonly toxiproxy: string;
}

/** `firebreak serve` as a process of its own; ended by its pid. */
async function serving(folder: string, ...args: string[]): Promise<AsyncDisposable & Shown> {
  const child = spawn(process.execPath, [...NODE, 'serve', '--json', '--state-dir', folder, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  let out = '';
  let err = '';
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
  await new Promise<void>((ready, failed) => {
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString();
      if (out.trimEnd().endsWith('}')) ready();
    });
    void gone.then(() => failed(new Error(`${out}${err}`)));
  });
  return {
    toxiproxy: (JSON.parse(out) as Shown).toxiproxy,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await gone;
      await endWatchdog(folder);
    },
  };
}
/** It outlives its engine by some seconds, and would write into a folder that is just being removed. */
async function endWatchdog(stateDir: string): Promise<void> {
  const pid = Number(/\[(\d+)\]/.exec(readFileSync(join(stateDir, 'watchdog.log'), 'utf8'))?.[1]);
  for (let tries = 0; tries < 500 && !ended(pid); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
}
function ended(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return false;
  } catch {
    return true;
  }
}
function folder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-serve-toxiproxy-'));
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 }),
  };
}

describe('firebreak serve --toxiproxy-api', { timeout: 300_000 }, () => {
  it('opens the proxies of a configuration file of Toxiproxy and breaks them over its API', async () => {
    using at = folder();
    await using upstream = await Upstream.start(
      ({ socket }) => void socket.on('data', (bytes: Buffer) => socket.write(bytes)),
    );
    const config = join(at.path, 'toxiproxy.json');
    writeFileSync(
      config,
      JSON.stringify([
        { name: 'web', listen: 'localhost:0', upstream: upstream.address },
        { name: 'off', listen: 'localhost:0', upstream: upstream.address, enabled: false },
      ]),
    );
    await using served = await serving(join(at.path, 'state'), '--toxiproxy-api', ':0', '--toxiproxy-config', config);
    assert.match(served.toxiproxy, /^http:\/\/127\.0\.0\.1:\d+$/);
    const proxies = (await (await fetch(`${served.toxiproxy}/proxies`)).json()) as Record<
      string,
      { listen: string; enabled: boolean }
    >;
    assert.deepEqual(
      Object.entries(proxies).map(([name, { enabled }]) => [name, enabled]),
      [
        ['off', false],
        ['web', true],
      ],
    );
    using peer = await Peer.to(proxies['web']?.listen ?? '');
    await echo(peer, 'a');
    const toxic = { type: 'latency', attributes: { latency: 100 } };
    await fetch(`${served.toxiproxy}/proxies/web/toxics`, { method: 'POST', body: JSON.stringify(toxic) });
    assert.ok((await echo(peer, 'b')) >= 99);
  });

  it('is not opened where others could reach it, unless that is said', () => {
    using at = folder();
    const tried = (...args: string[]): { code: number | null; text: string } => {
      const { status, stderr, stdout } = spawnSync(
        process.execPath,
        [...NODE, 'serve', '--state-dir', at.path, '--port', '0', ...args],
        { encoding: 'utf8', timeout: 120_000 },
      );
      return { code: status, text: stderr + stdout };
    };
    const refused = tried('--toxiproxy-api', '0.0.0.0:0');
    assert.equal(refused.code, 2, refused.text);
    assert.match(refused.text, /no password[\s\S]*--toxiproxy-anywhere/);
    const config = join(at.path, 'bad.json');
    writeFileSync(config, '[{"name": "a"}]');
    const { code, text } = tried('--toxiproxy-config', config);
    assert.equal(code, 2, text);
    assert.match(text, /missing required field: upstream at proxy 1/);
  });
});
