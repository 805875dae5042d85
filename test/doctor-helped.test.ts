import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Capability } from '../engine/contract/models.ts';
import { temporary } from '../engine/lifecycle/test-parts.ts';
import { REAL } from './cli/process.ts';
import { helped } from './crash/kill-helped.ts';
import { NOBODY } from './support/nobody.ts';

const USER = 65_534;
const skip = process.geteuid?.() !== 0 && 'the helper can only be started by root';
/** What a process does by itself, or not at all: no helper changes it. */
const BY_ITSELF = /^(signal other users' processes|keep a CPU load on a busy machine|take memory|go first when memory runs out|fault .*)$/;

test('doctor tells an ordinary user what the helper can do, and does not once it has ended', { skip, timeout: 180_000 }, async () => {
  using dir = temporary();
  chmodSync(dir.path, 0o711);
  const home = join(dir.path, 'home');
  mkdirSync(home);
  chownSync(home, USER, USER);
  await using helper = await helped(dir.path, USER);
  const doctor = async (...through: readonly string[]): Promise<ReadonlyMap<string, Capability>> => {
    const [program = '', ...args] = [...through, process.execPath, '--disable-warning=ExperimentalWarning', REAL, 'doctor', '--json', '--state-dir', join(home, through.length === 0 ? 'root' : 'state')];
    // Without the name of a helper root does it all itself.
    const env = through.length === 0 ? {} : { ...helper.env, HOME: home };
    const { stdout } = await promisify(execFile)(program, args, { env: { PATH: process.env['PATH'], ...env }, cwd: '/' });
    return new Map((JSON.parse(stdout) as Capability[]).map((one) => [one.name, one]));
  };
  const [root, user] = [await doctor(), await doctor(...NOBODY)];
  const missing = [...root.values()].filter(({ name, available }) => available && user.get(name)?.available !== true && !BY_ITSELF.test(name));
  assert.deepEqual(missing.map(({ name }) => [name, user.get(name)?.detail]), [], 'what root can do, the user can by the helper');
  assert.match(user.get('drop caches')?.detail ?? '', root.get('drop caches')?.available === true ? /^by the helper/ : /./);
  assert.deepEqual([user.get('fault network')?.detail, user.get('fault network')?.available], [root.get('fault network')?.detail, root.get('fault network')?.available]);

  helper.helper.child.kill('SIGKILL');
  await helper.helper.code();
  const alone = await doctor(...NOBODY);
  for (const name of ['fault network', 'fault kernel', 'fault dns', 'fault container']) {
    const { available, detail } = alone.get(name) ?? { available: true, detail: '' };
    assert.deepEqual([name, available], [name, false]);
    assert.match(detail, root.get(name)?.available === true ? /the helper has ended \(sudo firebreak helper\)/ : /./, name);
  }
  for (const [name, { available, detail }] of alone) assert.ok(!detail.includes('by the helper:') && (available || detail !== ''), `${name}: ${detail}`);
});
