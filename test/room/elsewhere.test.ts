import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { type Browser } from 'playwright-core';
import { NO_ROOM, type Stage, openBrowser, openStage, visit } from './stage.ts';

const CLI = fileURLToPath(new URL('../../engine/cli/main.ts', import.meta.url));
const FAULT = `version: 1
routes:
  - { name: theirs, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:9" }
policies:
  - { name: from-a-terminal, type: http, route: theirs, target: all, error_chance: 1, error_code: 503 }
`;

describe('faults of another process', { skip: NO_ROOM }, () => {
  let browser: Browser;
  let stage: Stage;
  let terminal: ChildProcess | undefined;
  before(async () => {
    [browser, stage] = await Promise.all([openBrowser(), openStage()]);
  });
  after(async () => {
    if (terminal?.exitCode === null && terminal.kill()) await once(terminal, 'exit');
    await browser?.close();
    await stage?.[Symbol.asyncDispose]();
  });

  test('an apply in a terminal shows in the room, is listed, and HALT ends it', async () => {
    await using room = await visit(browser, stage);
    const { page } = room;
    const file = join(stage.stateDir, 'theirs.yaml');
    writeFileSync(file, FAULT);
    const state = page.getByRole('status', { name: 'State of the faults' });
    await state.getByText('Clean', { exact: true }).waitFor();
    terminal = spawn(process.execPath, [CLI, 'apply', file, '--ttl', '10m', '--state-dir', stage.stateDir], {
      stdio: 'ignore',
    });
    const ended = once(terminal, 'exit');
    await state.getByText('Under fault', { exact: true }).waitFor();
    await state.getByText('1 fault of another process').waitFor({ state: 'attached' });
    const listed = page.getByRole('list', { name: 'Faults' }).getByText('from-a-terminal, held by another process');
    await listed.waitFor();
    await page.keyboard.press('F8');
    await page.getByText(/^Halted in/).waitFor();
    await ended;
    await state
      .getByText('Halted', { exact: true })
      .or(state.getByText('Clean', { exact: true }))
      .waitFor();
    await listed.waitFor({ state: 'detached' });
    assert.deepEqual((await stage.client.query('open', {})).open, []);
    room.quiet();
  });
});
