import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { fieldsOf } from '../../engine/contract/fields.ts';
import { manifests } from '../../engine/faults/manifests.ts';
import { snake } from '../../engine/kernel/fields.ts';
import { startService } from '../support/service.ts';
import { FAKE, REAL, Running, cli, folder } from './process.ts';

/** Faults without a file: flags made of the manifests, on the real engine. */

const statusOf = (url: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(url, { agent: false }, (answer) => resolve(answer.resume().statusCode)).on('error', reject).end();
  });

describe('faults without a file', { timeout: 300_000 }, () => {
  for (const manifest of Object.values(manifests)) {
    test(`inject ${manifest.type} has a flag for each field that does something`, async () => {
      const { code, out } = await cli(FAKE, ['inject', manifest.type, '--help']);
      assert.equal(code, 0);
      const flags = [...out.matchAll(/^ {2}--(?:no-)?([\w-]+)/gm)].map(([, flag]) => flag);
      for (const { name, part } of fieldsOf(manifest.params.shape)) assert.equal(flags.includes(snake(name).replaceAll('_', '-')), part !== 'idle', name);
    });
  }

  test('what would do nothing is refused, and a plan that is refused names its policy; both are bad usage', async () => {
    using dir = folder();
    for (const [flags, said] of [
      [['network', '--target', 'lo'], /this would do nothing.*\n.*such as firebreak inject network --port 5432 --latency 100ms$/m],
      [['dns', '--target', 'host', '--delay', '3s'], /--delay: expected action: delay/],
      [['disk', '--target', '/does-not-exist', '--plan'], /disk: there is no folder/],
    ] as const) {
      const { code, err } = await cli(REAL, ['inject', ...flags], { FIREBREAK_HOME: dir.path });
      assert.equal(code, 2, err);
      assert.match(err, said);
    }
  });

  test('--yaml prints a file that says the same, which validate takes', async () => {
    const flags = ['--upstream', '127.0.0.1:80', '--target', '/charge*', '--error-chance', '0.5', '--error-code', '503', '--match-headers', 'x-tier=free', '--match-headers', 'x-eu=1', '--when', "request.method == 'GET'"];
    const { code, out } = await cli(FAKE, ['inject', 'http', ...flags, '--yaml']);
    assert.equal(code, 0);
    assert.deepEqual(parse(out), {
      version: 1,
      routes: [{ name: 'here', protocol: 'http', listen: '127.0.0.1:0', upstream: '127.0.0.1:80' }],
      policies: [
        {
          name: 'http', type: 'http', route: 'here', target: '/charge*', error_chance: 0.5, error_code: 503,
          match_headers: { 'x-tier': 'free', 'x-eu': '1' }, when: "request.method == 'GET'",
        },
      ],
    });
    using dir = folder();
    const checked = await cli(REAL, ['validate', dir.file('same.yaml', out)], { FIREBREAK_HOME: dir.path });
    assert.equal(checked.code, 0, checked.out + checked.err);
  });

  test('inject http: strikes what passes its route, for as long as it is told to', async () => {
    using dir = folder();
    await using service = await startService((_request, response) => response.end('from the service'));
    const flags = ['--upstream', service.address, '--target', '/pay', '--error-chance', '1', '--error-code', '503', '--ttl', '10m'];
    await using running = new Running(REAL, ['inject', 'http', ...flags], { FIREBREAK_HOME: dir.path });
    await running.says(/send http to \S+, which/);
    const listen = /send http to (\S+),/.exec(running.out)?.[1] ?? '';
    assert.deepEqual(await Promise.all([`http://${listen}/pay`, `http://${listen}/else`].map(statusOf)), [503, 200]);
    running.child.kill('SIGINT');
    assert.equal(await running.code(), 3);
    assert.match(running.out, /Everything is put back/);
    await assert.rejects(statusOf(`http://${listen}/else`), 'its route has gone with it');
  });

  test('snipe: kills again and again what a supervisor brings back, and never both at once', async () => {
    using dir = folder();
    const env = { FIREBREAK_HOME: dir.path };
    using fleet = new Fleet(`sniped-${process.pid}`, 2);
    const planned = await cli(REAL, ['snipe', '--target', `cmd:${fleet.mark}`, '--plan'], env);
    assert.equal(planned.code, 0, planned.out + planned.err);
    assert.deepEqual(fleet.deaths, [], 'a plan changes nothing');
    await using running = new Running(REAL, ['snipe', '--target', `cmd:${fleet.mark}`, '--interval', '100ms', '--ttl', '10m'], env);
    await fleet.dead(3);
    running.child.kill('SIGINT');
    assert.equal(await running.code(), 3, running.out + running.err);
    assert.deepEqual(fleet.deaths.filter(({ signal, others }) => signal !== 'SIGKILL' || others < 1), []);
  });
});

/** Processes that are brought back when they die. */
class Fleet implements Disposable {
  readonly mark: string;
  /** How each of them ended, and how many others ran then. */
  readonly deaths: { readonly signal: NodeJS.Signals | null; readonly others: number }[] = [];
  readonly #running = new Set<ChildProcess>();
  #grown = (): void => {};
  #over = false;

  constructor(mark: string, size: number) {
    this.mark = mark;
    for (let index = 0; index < size; index++) this.#start();
  }
  #start(): void {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)', this.mark], { stdio: 'ignore' });
    this.#running.add(child);
    child.once('exit', (_code, signal) => {
      this.#running.delete(child);
      if (this.#over) return;
      this.deaths.push({ signal, others: this.#running.size });
      this.#start();
      this.#grown();
    });
  }
  async dead(count: number): Promise<void> {
    while (this.deaths.length < count) await new Promise<void>((done) => (this.#grown = done));
  }
  [Symbol.dispose](): void {
    this.#over = true;
    for (const child of this.#running) child.kill('SIGKILL');
  }
}
