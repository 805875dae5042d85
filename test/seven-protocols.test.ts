import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunOutcome } from '../engine/contract/api.ts';
import { startDemo, type Demo } from '../engine/demo/demo.ts';
import { errandNames, ERRANDS, type Part } from '../engine/demo/errands/errands.ts';
import { identityOf } from '../engine/host/identity.ts';
import { listProcesses } from '../engine/host/processes.ts';
import { missingServer, spawnNode, startServer } from '../engine/index.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { engineIn } from '../engine/test-engine.ts';
import { cli, REAL, Running } from './cli/process.ts';

/** The demo with every real server behind it, and the experiment that strikes seven protocols and the processor at once. */

const never = new AbortController().signal;
const FILE = resolve(import.meta.dirname, '../assets/experiments/seven-protocols.yaml');
/** How fast and how steady this machine is today is not the question. */
const TEXT = readFileSync(FILE, 'utf8')
  .replace(/success_rate >= 0.95 && p95 < 1000/g, 'success_rate >= 0')
  .replace('when: success_rate < 0.8', 'when: success_rate < 0')
  .replace(/every_nth: 10/g, 'every_nth: 4');
const POLICIES = ['late-payments', 'unavailable', 'full-pool', 'lost-sessions', 'stepdown', 'gaps', 'losses', 'noisy-neighbour'];

/** Why not every server is here; false when all are. */
const absent = errandNames.flatMap((name) => {
  const { servers }: Part = ERRANDS[name];
  const why = servers.map((server) => missingServer(server()));
  return why.length === 0 || why.includes(false) ? [] : [`${name}: ${why.at(-1)}`];
});
const skip = absent.length === 0 ? false : absent.join('; ');

/** What GET /state tells of an errand. */
type State = Record<string, Record<string, number>>;
async function errand(demo: Demo, path: string): Promise<{ status: number; body: State }> {
  const listen = demo.routes.find(({ name }) => name === 'errands')?.listen ?? '';
  const answer = await fetch(`http://${listen}/${path}`);
  return { status: answer.status, body: (await answer.json()) as State };
}
const alive = (pid: number): boolean => identityOf(pid) !== undefined;
/** The processes that this one has started, that those have started, and so on. */
function descendants(pid: number, all = listProcesses()): number[] {
  return all.filter((one) => one.ppid === pid).flatMap((child) => [child.pid, ...descendants(child.pid, all)]);
}
async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 6_000; !(await condition()); left--) {
    assert.ok(left > 0, `still waiting: ${what}`);
    await sleep(20);
  }
}

describe('the demo with every server', { timeout: 600_000, concurrency: 1 }, () => {
  // A folder for temporary files of this file's own, so that what other tests leave there does not count.
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-seven-'));
  process.env['TMPDIR'] = folder;
  chmodSync(folder, 0o711); // PostgreSQL runs as another user where this one is root
  after(() => rmSync(folder, { recursive: true, maxRetries: 5 }));
  const rest = (): string[] => readdirSync(folder).filter((name) => !name.startsWith('state-'));
  const stateDir = (): string => mkdtempSync(join(folder, 'state-'));

  it('struck by all seven and the processor: every fault bites, every errand feels it, and all is as before', { skip }, async () => {
    await using stack = new AsyncDisposableStack();
    const { api } = stack.use(await engineIn(stateDir()));
    const demo = stack.use(
      await startDemo({
        openRoutes: (routes) => api.commands.openRoutes({ routes }, never),
        spawnNode,
        clock: realClock,
        seed: 42,
        servers: { startServer, missingServer },
      }),
    );
    assert.deepEqual(demo.errands, errandNames);
    assert.deepEqual(demo.notes.filter((note) => !/^.+ started for route \w+$/.test(note)), []);
    const before = (await errand(demo, 'state')).body;

    const overrides = { durationMs: 8_000, baselineMs: 1_000, recoveryMs: 2_000 };
    const { run } = await api.commands.run({ text: TEXT, file: FILE, overrides, routes: [...demo.routes] }, never);
    const outcome: RunOutcome = await api.queries.outcome({ run }, never);
    assert.equal(outcome.verdict, 'held', outcome.reason);
    assert.deepEqual(outcome.faults.map(({ policy }) => policy), POLICIES);
    for (const { policy, effect, reverted } of outcome.faults) {
      assert.ok(effect.bitten && reverted, `${policy}: ${effect.detail}`);
      const { figures } = effect;
      assert.ok(figures.every(({ delivered, samples }) => (delivered ?? 0) > 0 && samples > 0), `${policy}: ${JSON.stringify(figures)}`);
    }
    assert.deepEqual((await api.queries.open({}, never)).open, []);

    const { body: felt } = await errand(demo, 'state');
    const more = (name: string, what: string): number => (felt[name]?.[what] ?? 0) - (before[name]?.[what] ?? 0);
    const seen = { grpc: 'again', sql: 'again', mongo: 'refused', redis: 'misses', kafka: 'missing', rabbitmq: 'resent' };
    for (const [name, what] of Object.entries(seen)) assert.ok(more(name, what) > 0, `${name} ${what}: ${JSON.stringify(felt[name])}`);

    // And nothing of it is left: all errands succeed at once, one after another.
    await until('the errands succeed again', async () => (await errand(demo, 'all')).status === 200);
    const afterRecords = async (count: number): Promise<State> => {
      const from = (await errand(demo, 'state')).body['kafka']?.['seen'] ?? 0;
      let now: State = {};
      await until(`${count} more records`, async () => {
        now = (await errand(demo, 'state')).body;
        return (now['kafka']?.['seen'] ?? 0) >= from + count;
      });
      return now;
    };
    // A consumer knows of a gap only when it sees what is behind it.
    const calm = await afterRecords(10);
    const later = await afterRecords(20);
    for (const [name, what] of [['redis', 'misses'], ['kafka', 'missing']] as const) assert.equal(later[name]?.[what], calm[name]?.[what], name);
  });

  /** The command line with a state directory and a copy of the experiment of its own. */
  const command = (name: string, duration: string, env: Readonly<Record<string, string>> = {}) => {
    const state = stateDir();
    const file = join(state, 'seven-protocols.yaml');
    writeFileSync(file, TEXT);
    const args = [name, file, '--servers', '--duration', duration, '--baseline', '0', '--report-dir', join(state, 'out')];
    return { state, args, env: { FIREBREAK_HOME: state, TMPDIR: folder, ...env } };
  };

  it('ends with everything that it started when it is killed with -9', { skip }, async () => {
    const { state, args, env } = command('demo', '20s');
    await using running = new Running(REAL, args, env);
    await running.says(/injected +noisy-neighbour/);
    const pids = descendants(running.child.pid ?? 0);
    assert.ok(pids.length > 12, `${pids.length} processes`);
    running.child.kill('SIGKILL');
    await running.code();
    assert.equal((await cli(REAL, ['recover', '--json'], { FIREBREAK_HOME: state })).out, '[]\n');
    rmSync(state, { recursive: true, maxRetries: 5 }); // the watchdog stands in for the routes until then
    await until('every process has ended', () => !pids.some(alive));
    await until('every folder is gone', () => rest().length === 0);
  });

  it('names what is not installed and does without', async () => {
    const { args, env } = command('run', '4s', { PATH: '/nonexistent', FIREBREAK_LAB: '/nonexistent', KAFKA_HOME: '/nonexistent' });
    const { code, out } = await cli(REAL, args, env);
    assert.match(out, /^grpc service started for route rpc$/m);
    assert.match(out, /^kafka left out: java is not installed on this machine$/m);
    assert.equal(code, 4, out);
    assert.match(out.replace(/\s+/g, ' '), /INCONCLUSIVE .* gaps had no measured effect \(no record reached route topics errands;/);
  });
});
