import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from '../../engine/host/containers.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { REAL, Running } from '../cli/process.ts';
import { type DockerLab, noDocker, startDocker } from '../lab/docker.ts';
import { missing } from '../lab/server.ts';
import { BUSY_MACHINE, eventually, logOf, NOTHING_LEFT } from './harness.ts';

/** A user who may not use the engine's socket, whose containers are treated by the helper; and either of them killed with -9. */
const NOBODY = 65_534;

describe('containers through the helper', { skip: noDocker || missing('setpriv'), timeout: 300_000 }, () => {
  let lab: DockerLab;
  before(async () => {
    lab = await startDocker();
    chmodSync(dirname(lab.socket), 0o711); // the socket can be seen there, as in /var/run
  });
  after(() => lab[Symbol.asyncDispose]());

  for (const dying of ['engine', 'helper'] as const) {
    test(`the ${dying} killed with -9: the container goes on`, async () => {
      using dir = temporary();
      chmodSync(dir.path, 0o711);
      const id = await lab.run(`helped-${dying}`);
      const paused = async (): Promise<boolean> => (await inspect(lab.api, id))?.State.Paused === true;
      const home = join(dir.path, 'home');
      mkdirSync(home);
      chownSync(home, NOBODY, NOBODY);
      const env = { FIREBREAK_HELPER: join(dir.path, 'helper.sock'), FIREBREAK_HELPER_STATE: join(dir.path, 'helper') };
      await using helper = new Running(REAL, ['helper', '--uid', String(NOBODY)], env);
      await helper.says(/serving user/);
      const engine = asNobody(['inject', 'container', '--socket', lab.socket, '--target', `id:${id}`, '--ttl', '10m'], { ...env, HOME: home, FIREBREAK_HOME: join(home, 'state') });
      await eventually('it is paused', paused, BUSY_MACHINE, () => engine.said());
      if (dying === 'engine') engine.child.kill('SIGKILL');
      else helper.child.kill('SIGKILL');
      await eventually('it goes on', async () => !(await paused()), NOTHING_LEFT, () => logOf(env.FIREBREAK_HELPER_STATE) + helper.out + helper.err);
      engine.child.kill('SIGKILL');
      await engine.gone;
      assert.equal(await paused(), false);
    });
  }
});

function asNobody(args: readonly string[], env: Readonly<Record<string, string>>): { readonly child: ChildProcess; readonly gone: Promise<unknown>; said(): string } {
  const drop = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', process.execPath, '--disable-warning=ExperimentalWarning', REAL];
  const child = spawn('setpriv', [...drop, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (more: string) => (text += more));
  return { child, gone: once(child, 'close'), said: () => text };
}
