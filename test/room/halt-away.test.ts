import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_ROOM, openBrowser, openStage, visit } from './stage.ts';

const FAULT = `version: 1
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:9" }
policies:
  - { name: broken, type: http, route: own, target: all, error_chance: 1, error_code: 503 }
`;

test(
  'a HALT that is pressed while the page has no engine is given to the one that comes',
  { skip: NO_ROOM, timeout: 180_000 },
  async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'firebreak-away-'));
    await using last = new AsyncDisposableStack();
    last.defer(() => rmSync(stateDir, { recursive: true, force: true }));
    await using browser = await openBrowser();
    const before = await openStage({ stateDir });
    const { port, token } = before.server;
    await using room = await visit(browser, before);
    const { page } = room;
    await before[Symbol.asyncDispose]();
    const state = page.getByRole('status', { name: 'State of the faults' });
    await state.getByText('Not known').waitFor();
    await page.keyboard.press('F8');
    const told = page.getByRole('region', { name: 'What HALT did' });
    await told.getByText('HALT is given as soon as it does').waitFor();
    await using stage = await openStage({ stateDir, port, token });
    await told.getByText(/^Halted in/).waitFor();
    assert.equal((await stage.client.query('status', {})).halted, true);
    // It was one press: what is injected later stays.
    await stage.client.command('apply', { text: FAULT, ttlMs: 60_000 });
    await state.getByText('Under fault').waitFor();
    await page.keyboard.press('F8');
    await told.getByText('clean', { exact: true }).waitFor();
    assert.deepEqual((await stage.client.query('open', {})).open, []);
  },
);
