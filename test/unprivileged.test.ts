import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Capability } from '../engine/contract/models.ts';
import { manifests } from '../engine/faults/manifests.ts';
import { REAL } from './cli/process.ts';
import { NOBODY } from './support/nobody.ts';
import { type Outcome, SPEAKS_OF } from './unprivileged-cases.ts';

interface Account {
  readonly doctor: readonly Capability[];
  readonly cases: Readonly<Record<string, Outcome>>;
}
/** Where programs are. */
const PROGRAMS = '/usr/local/sbin /usr/local/bin /usr/sbin /usr/bin';
const CHILD = join(import.meta.dirname, 'unprivileged-child.ts');

/** A network of its own, and mounts that can be changed; `more` are further lines of shell. "$1" is the folder. */
const apart = (more: string, ...through: readonly string[]): Through => (folder) => [
  'unshare', '--net', '--mount', 'sh', '-c',
  `set -e; mount --make-rprivate /; ip link set lo up; mount --bind "$1/resolv.conf" /etc/resolv.conf\n${more}\nshift; exec "$@"`,
  'sh', folder, ...through,
];
type Through = (folder: string) => readonly string[];

async function accountOf(through: Through, alone: boolean): Promise<Account> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-rights-'));
  chmodSync(folder, 0o777);
  writeFileSync(join(folder, 'data'), 'content', { mode: 0o644 });
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.53\noptions attempts:1\n');
  try {
    await using other = new Other();
    const [program = '', ...args] = [...through(folder), process.execPath, '--disable-warning=ExperimentalWarning', CHILD, folder, String(other.pid), alone ? 'alone' : ''];
    const env = { PATH: process.env['PATH'], HOME: folder };
    const { stdout } = await promisify(execFile)(program, args, { env, cwd: folder, timeout: 240_000, maxBuffer: 16 << 20 });
    return JSON.parse(stdout) as Account;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A process of a user who is nobody else here. */
class Other implements AsyncDisposable {
  readonly #child = spawn('setpriv', ['--reuid=65533', '--regid=65533', '--clear-groups', 'sleep', '600'], { stdio: 'ignore' });
  get pid(): number {
    return this.#child.pid ?? 0;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

const works = ({ planned, tried }: Outcome): boolean => (tried === null ? 'targets' in planned : 'bitten' in tried && tried.bitten);
/** What a person can do about it. */
const REMEDY = /sudo |apt(-get)? install|run as |run outside|mount (them|it|cgroup2)|start |use |name |set |firebreak doctor|CAP_/i;

/** What was said, and what came of it, agree; what is wrong, in words. */
function disagreements({ doctor, cases }: Account): readonly string[] {
  const wrong: string[] = [];
  const said = (name: string): Capability | undefined => doctor.find((one) => one.name === name);
  for (const [name, { planned, tried, open }] of Object.entries(cases)) {
    const both = `${name}: planned ${JSON.stringify(planned)}, came to ${JSON.stringify(tried)}`;
    if (open !== 0) wrong.push(`${both}; ${open} records are open`);
    if ('targets' in planned && tried !== null && !('bitten' in tried && tried.bitten && tried.reverted)) wrong.push(`${both}: it was to work`);
    if ('targets' in planned && planned.targets === 0) wrong.push(`${both}: it has no target`);
    if ('unavailable' in planned) {
      if (!REMEDY.test(planned.unavailable)) wrong.push(`${both}: no remedy`);
      if (tried === null || !('refused' in tried) || !tried.refused.includes(planned.unavailable)) wrong.push(`${both}: not the same reason`);
    }
    if ('refused' in planned) {
      if (planned.hint === '') wrong.push(`${both}: no remedy`);
      if (tried === null || !('refused' in tried) || tried.refused.split(':')[0] !== planned.refused.split(':')[0]) wrong.push(`${both}: not the same reason`);
    }
  }
  for (const [line, names] of Object.entries(SPEAKS_OF)) {
    const capability = said(line);
    const some = names.some((name) => works(cases[name] as Outcome));
    if (capability === undefined) wrong.push(`doctor says nothing of "${line}"`);
    else if (capability.available !== some) wrong.push(`doctor calls "${line}" ${capability.available ? '' : 'un'}available (${capability.detail}); of ${JSON.stringify(names.map((name) => cases[name]))} that is not so`);
    else if (!capability.available && !REMEDY.test(capability.detail)) wrong.push(`doctor names no remedy for "${line}": ${capability.detail}`);
  }
  for (const type of Object.keys(manifests)) {
    const capability = said(`fault ${type}`);
    const all = Object.values(cases).filter((one) => one.type === type);
    // A target that cannot be taken says nothing of the type.
    if (all.length > 0 && capability?.available !== all.some(({ planned }) => !('unavailable' in planned))) wrong.push(`doctor calls fault ${type} ${JSON.stringify(capability)}; of ${JSON.stringify(all)} that is not so`);
  }
  return wrong;
}

describe('what doctor and plan say is what can be done', { skip: process.geteuid?.() !== 0 && 'only root can become another user', timeout: 300_000 }, () => {
  test('by an ordinary user without a helper', async () => {
    const account = await accountOf(() => NOBODY, false);
    assert.deepEqual(disagreements(account), []);
    const can = Object.entries(account.cases).filter(([, outcome]) => works(outcome)).map(([name]) => name);
    for (const name of ['failed requests', 'stopped process', 'load', 'memory', 'full disk']) assert.ok(can.includes(name), `${name} needs no right: ${JSON.stringify(account.cases[name])}`);
  });

  test('on the command line of an ordinary user: doctor and inject give one reason', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-rights-'));
    chmodSync(folder, 0o777);
    try {
      const firebreak = async (...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
        const [program = '', ...through] = NOBODY;
        const env = { PATH: process.env['PATH'], HOME: folder, FIREBREAK_HOME: join(folder, 'state'), NO_COLOR: '1' };
        const child = spawn(program, [...through, process.execPath, '--disable-warning=ExperimentalWarning', REAL, ...args], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
        const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
        return { code: Number(code), out, err };
      };
      const { out } = await firebreak('doctor', '--json');
      const said = (JSON.parse(out) as Capability[]).find(({ name }) => name === 'fault network');
      assert.equal(said?.available, false);
      const { code, err } = await firebreak('inject', 'network', '--target', 'lo', '--port', '5432', '--loss', '0.3', '--ttl', '1m');
      assert.equal(code, 2);
      assert.ok(err.includes(`cannot run on this machine: ${said?.detail}`), err);
      assert.deepEqual((await firebreak('recover', '--json')).out.trim(), '[]');
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  });

  test('by root that has no capabilities, as in a container', async () => {
    const account = await accountOf(apart('', 'setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'), true);
    assert.deepEqual(disagreements(account), []);
  });

  test('by root, where there are no control groups, no nft, tc, strace, faketime and docker', async () => {
    const hidden = ['nft', 'tc', 'strace', 'faketime', 'docker', 'dockerd', 'podman'].map((name) => `! -name ${name}`).join(' ');
    const hide = `
      for tree in /sys/fs/cgroup/unified /sys/fs/cgroup; do while mountpoint -q "$tree"; do umount -R -l "$tree"; done; done
      n=0
      for folder in ${PROGRAMS}; do
        n=$((n + 1)); mkdir -p "$1/all/$n" "$1/some/$n"; mount --bind "$folder" "$1/all/$n"
        find "$1/all/$n" -mindepth 1 -maxdepth 1 ${hidden} -exec ln -s -t "$1/some/$n" {} +
      done
      n=0
      for folder in ${PROGRAMS}; do n=$((n + 1)); mount --bind "$1/some/$n" "$folder"; done`;
    const account = await accountOf(apart(hide), true);
    assert.deepEqual(disagreements(account), []);
    assert.equal(works(account.cases['lost names'] as Outcome), true, 'by the file itself');
  });
});
