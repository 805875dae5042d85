import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { startHelper } from './helper.ts';
import { temporary } from './lifecycle/test-parts.ts';

const uid = process.getuid?.() ?? 0;
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('the folder of the socket is open to its user where it is made for it, and else stays as private as it is', { timeout: 60_000 }, async () => {
  using state = temporary();
  // Where the folders of users are, if this may write there.
  const theirs = mkdtempSync(join(uid === 0 ? '/run' : tmpdir(), 'firebreak-test-'));
  const umask = process.umask(0o077);
  try {
    for (const [address, mode] of [[join(theirs, 'x.sock'), '700'], [join(theirs, 'made', 'x.sock'), '755']] as const) {
      await using _helper = await startHelper({ uid, address, stateDir: join(state.path, mode), log: () => {} });
      assert.deepEqual([modeOf(dirname(address)), modeOf(address), modeOf(theirs)], [mode, '600', '700']);
    }
  } finally {
    process.umask(umask);
    rmSync(theirs, { recursive: true });
  }
});

test('what others could put another in place of is not trusted: neither its journal nor its socket', { timeout: 60_000 }, async () => {
  using dir = temporary();
  const [shared, safe] = [join(dir.path, 'shared'), join(dir.path, 'safe')];
  mkdirSync(join(shared, 'below'), { recursive: true });
  mkdirSync(safe);
  const spoilt: readonly (() => void)[] = [() => chmodSync(shared, 0o777), () => chmodSync(shared, 0o755), ...(uid === 0 ? [() => chownSync(shared, 65_534, 65_534)] : [])];
  for (const [index, spoil] of spoilt.entries()) {
    spoil();
    for (const [address, stateDir] of [[join(safe, 'x.sock'), join(shared, 'below')], [join(shared, 'below', 'x.sock'), join(safe, 'state')]] as const) {
      const starting = async (): Promise<void> => {
        await using _helper = await startHelper({ uid, address, stateDir, log: () => {} });
      };
      if (index === 1) await starting();
      else await assert.rejects(starting(), { code: 'unsafe-folder' });
    }
  }
});
