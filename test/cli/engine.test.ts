import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { identityOf } from '../../engine/host/identity.ts';
import { REAL, Running, cli, folder } from './process.ts';

/** The command line over the real engine, against a service of the test's own. */

const ASSETS = resolve(import.meta.dirname, '../../assets/experiments');

interface Stage extends AsyncDisposable {
  readonly state: string;
  readonly reports: string;
  /** A file with one route to the service, one policy and an experiment; `policy` and `experiment` are YAML. */
  file(policy: string, experiment?: string, expect?: string): string;
  run(args: readonly string[]): ReturnType<typeof cli>;
  start(args: readonly string[]): Running;
}
async function stage(): Promise<Stage> {
  const dir = folder();
  const service = createServer((_request, response) => response.end('hello'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const { port } = service.address() as AddressInfo;
  const state = join(dir.path, 'state');
  const env = { FIREBREAK_HOME: state };
  return {
    state,
    reports: join(dir.path, 'reports'),
    file: (policy, experiment = 'duration: 2s', expect = 'success_rate >= 0.9') =>
      dir.file(
        'experiment.yaml',
        `version: 1
name: own-service
seed: 7
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:${port}" }
policies:
  - { name: own-fault, ${policy} }
experiment:
  hypothesis: The service stays up.
  baseline: 500ms
  recovery: 5s
  ${experiment.replaceAll('\n', '\n  ')}
  steady_state:
    - name: front
      probe: { type: http, url: "route://own/", every: 50ms, timeout: 20s, window: 1s }
      expect: ${expect}
`,
      ),
    run: (args) => cli(REAL, args, env),
    start: (args) => new Running(REAL, args, env),
    [Symbol.asyncDispose]: async () => {
      service.closeAllConnections();
      service.close();
      dir[Symbol.dispose]();
    },
  };
}
const SLOW = 'type: http, route: own, target: all, latency_chance: 1, latency_duration: 100ms';

describe('command line over the real engine', { timeout: 600_000 }, () => {
  test('run: held, delivered as requested, reverted, with its reports; then history, report and recover', async () => {
    await using set = await stage();
    const file = set.file(SLOW);
    const ended = await set.run(['run', file, '--json', '--report-dir', set.reports]);
    assert.equal(ended.code, 0, ended.out + ended.err);
    const verdict = ended.last() as { run: string; faults: { requested: Record<string, number>; delivered: Record<string, number> }[]; reports: string[] };
    assert.partialDeepStrictEqual(verdict, { verdict: 'held', exit_code: 0, reverted: true, name: 'own-service', seed: 7 });
    const [fault] = verdict.faults;
    assert.equal(fault?.requested['latency_ms'], 100);
    // Never less than asked; how much more a busy machine makes of it is for the bench to say.
    assert.ok((fault?.delivered['latency_ms'] ?? 0) >= 99.5, JSON.stringify(fault));
    assert.deepEqual(verdict.reports.map((path) => path.split('.').at(-1)).sort(), ['json', 'md', 'pdf']);
    for (const path of verdict.reports) assert.ok(path.startsWith(set.reports) && statSync(path).size > 500, path);

    const past = (await set.run(['history', '--json'])).last() as unknown as { run: string; verdict: string }[];
    assert.deepEqual(past.map(({ run, verdict: how }) => [run, how]), [[verdict.run, 'held']]);
    const again = join(set.reports, 'again');
    assert.equal((await set.run(['report', verdict.run, '--out', again])).code, 0);
    assert.equal(readdirSync(again).length, 3);
    assert.equal((await set.run(['recover', '--json'])).out, '[]\n');
  });

  test('run: aborted by its own condition, exit 3; refuted before injecting when the steady state does not hold, exit 1', async () => {
    await using set = await stage();
    const failing = set.file('type: http, route: own, target: all, error_chance: 0.7', 'duration: 30s\nabort: { when: success_rate < 0.8, for: 300ms }');
    const aborted = await set.run(['run', failing, '--json', '--report-dir', set.reports]);
    assert.equal(aborted.code, 3, aborted.out + aborted.err);
    assert.partialDeepStrictEqual(aborted.last(), { verdict: 'aborted', reverted: true });
    assert.notEqual(aborted.last()['breach'], null);
    const refuted = await set.run(['run', set.file(SLOW, 'duration: 30s', 'p50 > 5000'), '--json', '--report-dir', set.reports]);
    assert.equal(refuted.code, 1, refuted.out + refuted.err);
    assert.partialDeepStrictEqual(refuted.last(), { verdict: 'refuted', faults: [], reverted: true });
    assert.match(String(refuted.last()['reason']), /did not hold before .*p50 > 5000.*Nothing was injected/);
  });

  test('plan and validate change nothing and open nothing', async () => {
    await using set = await stage();
    const file = set.file(SLOW);
    const planned = await set.run(['plan', file, '--json']);
    assert.equal(planned.code, 0, planned.out + planned.err);
    const { faults } = planned.last() as { faults: { targets: { inverse: string }[] }[] };
    assert.ok((faults[0]?.targets[0]?.inverse.length ?? 0) > 5);
    assert.equal((await set.run(['validate', file, ...readdirSync(ASSETS).map((name) => join(ASSETS, name))])).code, 0);
    assert.equal((await set.run(['recover', '--json'])).out, '[]\n');
    assert.deepEqual((await set.run(['history', '--json'])).last(), []);
  });

  test('Ctrl-C in mid-run: aborted, reverted, reported, exit 3', async () => {
    await using set = await stage();
    await using running = set.start(['run', set.file(SLOW, 'duration: 60s'), '--report-dir', set.reports]);
    await running.says(/injected/);
    running.child.kill('SIGINT');
    assert.equal(await running.code(), 3);
    assert.match(running.out, /ABORTED[\s\S]*Ctrl-C/);
    assert.match(running.out, /the state after equals the state before/);
    assert.equal((await set.run(['recover', '--json'])).out, '[]\n');
  });

  test('from a second terminal: status sees the run, a second run is refused, halt ends it', async () => {
    await using set = await stage();
    const file = set.file(SLOW, 'duration: 60s');
    await using running = set.start(['run', file, '--report-dir', set.reports]);
    await running.says(/injected/);
    const seen = (await set.run(['status', '--json'])).last() as { experiment: { name: string; pid: number } | null; open: { ownerAlive: boolean }[] };
    assert.deepEqual([seen.experiment?.name, seen.experiment?.pid], ['own-service', running.child.pid]);
    assert.deepEqual(seen.open.map(({ ownerAlive }) => ownerAlive), [true]);
    const second = await set.run(['run', file, '--json']);
    assert.equal(second.code, 2, second.out);
    assert.match(JSON.stringify(second.last()), /experiment-running/);
    const halted = await set.run(['halt', '--json']);
    assert.equal(halted.code, 0, halted.out + halted.err);
    assert.equal((halted.last() as { faults: { state: string }[] }).faults.length, 1, halted.out);
    assert.equal(await running.code(), 3);
    assert.match(running.out, /ABORTED/);
    assert.equal((await set.run(['recover', '--json'])).out, '[]\n');
  });

  test('kill -9 in mid-run: nothing is left within 12 s, and recover says so', async () => {
    await using set = await stage();
    await using running = set.start(['run', set.file('type: resource, target: all, cpu_cores: 1, cpu_load: 0.3', 'duration: 60s'), '--report-dir', set.reports]);
    await running.says(/injected/);
    running.child.kill('SIGKILL');
    await running.code();
    const recovered = await set.run(['recover', '--json']);
    assert.deepEqual([recovered.code, recovered.out], [0, '[]\n'], recovered.err);
    const watchdog = Number(/\[(\d+)\] watching/.exec(readFileSync(join(set.state, 'watchdog.log'), 'utf8'))?.[1]);
    assert.notEqual(identityOf(watchdog), undefined, 'it stands in for the route');
    rmSync(set.state, { recursive: true, maxRetries: 5 });
    while (identityOf(watchdog) !== undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(existsSync(set.state), false, 'a watchdog does not bring a deleted state directory back');
  });

  test('apply: holds for its time and puts everything back; without a measured effect it does not say that it went well', async () => {
    await using set = await stage();
    const ended = await set.run(['apply', set.file('type: resource, target: all, cpu_cores: 1, cpu_load: 0.2'), '--ttl', '3s', '--json']);
    assert.equal(ended.code, 0, ended.out + ended.err);
    assert.partialDeepStrictEqual(ended.last(), { why: 'hold-over', reverted: true });
    const idle = await set.run(['apply', set.file(SLOW), '--ttl', '1s', '--json']);
    assert.equal(idle.code, 4, 'nobody sent a request');
    assert.partialDeepStrictEqual(idle.last(), { why: 'hold-over', reverted: true });
  });

  test('apply --watch: says in one line what a reload changed, and shows errors with place and remedy', async () => {
    await using set = await stage();
    const file = set.file(SLOW);
    const edit = (script: string): void => void execFileSync('sed', ['-i', script, file]);
    await using running = set.start(['apply', file, '--ttl', '10m', '--watch']);
    await running.says(/held for/);
    edit('s/latency_duration: 100ms/latency_duration: 20ms/');
    await running.says(/^ {2}\S reloaded: 1 policy changed$/m);
    edit('s/latency_duration: 20ms/latency_duration: soon/');
    await running.says(/experiment\.yaml has one error; the last good one stays in force\n {4}\S*experiment\.yaml:7:\d+: .*\n {6}→ /);
    running.child.kill('SIGINT');
    assert.equal(await running.code(), 3);
    assert.match(running.out, /Ended early: Ctrl-C\. Everything is put back/);
    const stdin = await set.run(['apply', '-', '--ttl', '1m', '--watch']);
    assert.equal(stdin.code, 2);
    assert.match(stdin.err, /Standard input cannot be watched/);
    assert.equal((await set.run(['recover', '--json'])).out, '[]\n');
  });

  test('doctor lists what works here, and why the rest does not', async () => {
    await using set = await stage();
    const listed = (await set.run(['doctor', '--json'])).last() as unknown as { name: string; available: boolean; detail: string }[];
    assert.ok(listed.length >= 5);
    assert.ok(listed.some(({ available }) => available));
    for (const { name, available, detail } of listed) assert.ok(available || detail.length > 10, name);
  });

  test('the state directory is made on first use, and only there', async () => {
    await using set = await stage();
    assert.equal(existsSync(set.state), false);
    const now = await set.run(['status', '--json']);
    assert.equal(now.code, 0, now.err);
    assert.partialDeepStrictEqual(now.last(), { experiment: null, open: [], damage: [] });
  });
});
