import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { contextOf, faultLife, faultRequest } from '../../../test/support/fault-life.ts';
import { faketimeLibrary } from '../../host/clock-facts.ts';
import { TARGET_MARK } from '../../host/spawn.ts';
import { realClock } from '../../kernel/clock.ts';
import { timeInjector } from './injector.ts';
import { timeManifest, type TimeParams } from './manifest.ts';
import { noFaketime } from './test-clocked.ts';

/** What root does for processes of others must not be more than they could do themselves. */
const here = { skip: noFaketime || (process.geteuid?.() !== 0 && 'only root can harm others'), timeout: 120_000 };
const NOBODY = 65_534;
const injector = timeInjector({ clock: realClock });
const requestFor = (pid: number) => faultRequest<TimeParams>(timeManifest, { offset: '1h', otherUsers: true }, { target: `pid:${pid}` });
const planFor = async (pid: number) => injector.plan(requestFor(pid), AbortSignal.timeout(60_000));

let folder = '';
let started: ChildProcess[] = [];
beforeEach(() => (folder = mkdtempSync('/run/firebreak-time-')));
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  started = [];
  rmSync(folder, { recursive: true, force: true });
});

/** A program that waits under libfaketime. @param through what starts it, and becomes it. */
async function waiting(file: string, ...through: readonly string[]): Promise<number> {
  const faked = [`LD_PRELOAD=${faketimeLibrary()}`, `FAKETIME_TIMESTAMP_FILE=${file}`, 'FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1'];
  const program = ['sh', '-c', 'read _', `${TARGET_MARK}waiting`];
  const [first = '', ...rest] = [...through, 'env', ...faked, ...program];
  const child = spawn(first, rest, { stdio: ['pipe', 'ignore', 'inherit'] });
  started.push(child);
  const pid = child.pid ?? 0;
  while (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(program.join('\0'))) await realClock.sleep(5);
  return pid;
}
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

test('a file that is not theirs is not written because they name it', here, async () => {
  const pidFile = join(folder, 'daemon.pid');
  writeFileSync(pidFile, '4711\n');
  const pid = await waiting(pidFile, ...asNobody);
  await assert.rejects(planFor(pid), { code: 'not-allowed' });
  chownSync(pidFile, NOBODY, NOBODY);
  assert.equal((await planFor(pid)).length, 1);
});

test('a link of a container leads to its own folders and never to those of this machine', here, async () => {
  const [secret, root] = [join(folder, 'secret'), join(folder, 'root')];
  mkdirSync(secret);
  mkdirSync(root);
  chmodSync(root, 0o755);
  // In there, the way to the file begins at the root of the machine, where a folder of the same name is.
  const prepare = `mount --rbind / "$1/root" && mount -t tmpfs none "$1/root/run" && mkdir -p "$1/root${secret}" && ln -s ${folder} "$1/root/run/way" && root="$1/root" && shift && exec chroot "$root" "$@"`;
  const pid = await waiting('/run/way/secret/clock', 'unshare', '--mount', '--', 'sh', '-c', prepare, 'sh', folder);
  const seen = (): readonly string[] => readdirSync(`/proc/${pid}/root${secret}`);
  await faultLife(injector, requestFor(pid), async () => assert.deepEqual([readdirSync(secret), seen()], [[], ['clock']]));
  assert.deepEqual([readdirSync(secret), seen()], [[], []]);
});

test('a program of a container that is asked for the time has no rights of root', here, async () => {
  const date = join(folder, 'date');
  const told = join(folder, 'inside', 'told');
  writeFileSync(date, `#!/bin/sh\ngrep -E '^(Uid|CapEff|NoNewPrivs)' /proc/self/status > ${told}\necho $$ >> ${told}\necho 0\n`, { mode: 0o755 });
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'inside'));
  const real = execFileSync('which', ['date'], { encoding: 'utf8' }).trim();
  const prepare = `mount -t tmpfs none ${folder}/inside && mount --bind ${date} ${real} && exec "$@"`;
  const pid = await waiting(join(folder, 'inside', 'clock'), 'unshare', '--mount', '--', 'sh', '-c', prepare, 'sh');
  const asked = requestFor(pid);
  const [plan] = await injector.plan(asked, AbortSignal.timeout(60_000));
  assert.ok(plan);
  await injector.inject(plan.undo, contextOf(asked));
  await injector.verify(plan.undo, contextOf(asked));
  const words = readFileSync(`/proc/${pid}/root${told}`, 'utf8');
  assert.match(words, new RegExp(`^Uid:\\s+${NOBODY}\\s+${NOBODY}\\s`, 'm'));
  assert.match(words, /^CapEff:\s+0+$/m);
  assert.match(words, /^NoNewPrivs:\s+1$/m);
  await injector.revert(plan.undo);
  assert.equal(existsSync(`/proc/${pid}/root${join(folder, 'inside', 'clock')}`), false);
});
