import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { markOf } from '../host/spawn.ts';
import { type FirebreakFile } from '../policy/file.ts';
import { loadFile } from '../policy/load.ts';
import { SERVICES } from './demo.ts';
import { errandNames, ERRANDS } from './errands/errands.ts';

const folder = join(import.meta.dirname, '../../assets/experiments');
const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

async function load(name: string): Promise<FirebreakFile> {
  const result = await loadFile(join(folder, name));
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.issues, null, 2));
  return result.file;
}

describe('the experiment library', () => {
  it('is there', () => assert.ok(names.length >= 17));
  for (const name of names) {
    it(`${name} is valid and says what it teaches`, async () => {
      const file = await load(name);
      assert.ok(file.experiment !== null && file.policies.length > 0);
      assert.match(readFileSync(join(folder, name), 'utf8'), /^# .+\n/);
    });
  }
  it('names the routes of the demo as the demo does', async () => {
    const known = new Set<string>([...SERVICES, 'payments-old', 'errands', ...errandNames.map((name) => ERRANDS[name].route)]);
    for (const name of names) {
      // What is the reader's own is called so.
      for (const route of (await load(name)).routes) assert.ok(known.has(route.name) || route.name.startsWith('my-'), route.name);
    }
  });
  it('is, in slow-payments, word for word what was asked for', async () => {
    const file = await load('slow-payments.yaml');
    const { latencyChance, latencyDuration, errorChance } = file.policies[0]?.params ?? {};
    assert.deepEqual([file.policies[0]?.route, latencyChance, latencyDuration, errorChance], ['payments', 1, 500, 0]);
    assert.equal(file.experiment?.duration, 600_000);
    assert.equal(file.experiment?.abort?.when, 'success_rate < 0.95');
  });
  it('finds the ledger by the mark that its process carries', async () => {
    assert.equal((await load('frozen-ledger.yaml')).policies[0]?.target, `cmd:${markOf('ledger', '', true)}`);
  });
});
