import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { NOBODY } from '../support/nobody.ts';
import { REAL } from '../cli/process.ts';
import { readProcess } from '../../engine/host/processes.ts';
import { helped } from '../crash/kill-helped.ts';
import { NO_ROOM, openBrowser, until, visit } from './stage.ts';
import { witness } from './serving.ts';

const FILE = `version: 1
policies:
  - { name: bad-link, type: network, target: lo, port: 5432, loss: 0.3 }
  - { name: burn, type: resource, cpu_cores: 1, cpu_load: 0.2 }
`;
const NO_HELPER = 'it needs root, and no helper is there to do it (sudo firebreak helper)';

/** A folder that everybody may use, or only pass. */
function openFolder(stack: AsyncDisposableStack, mode = 0o777): string {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-nobody-'));
  chmodSync(folder, mode);
  stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A room served by an ordinary user. @returns where it is. */
async function serveAsNobody(stack: AsyncDisposableStack, helper = 'no-helper'): Promise<string> {
  const folder = openFolder(stack);
  const [program = '', ...through] = NOBODY;
  const env = { PATH: process.env['PATH'], HOME: folder, FIREBREAK_HELPER: resolve(folder, helper) };
  const args = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    REAL,
    'serve',
    '--state-dir',
    join(folder, 'state'),
  ];
  const server = spawn(program, [...through, ...args], { env, cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(server, 'exit');
  stack.defer(async () => {
    server.kill('SIGTERM');
    await ended;
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /room: (\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('the room ended before it said where it is');
}

const skip = NO_ROOM || (process.geteuid?.() !== 0 && 'only root can become another user');

test(
  'a room without rights marks what it cannot do, with the reason, in the machine and in the plan',
  { skip, timeout: 180_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const url = await serveAsNobody(stack);
    await using browser = await openBrowser();
    await using guest = await visit(browser, { url });
    const { page } = guest;
    await page.evaluate(() => void (location.hash = '/machine'));
    const said = async (name: string): Promise<string> =>
      (
        await page
          .getByRole('listitem')
          .filter({ has: page.getByText(name, { exact: true }) })
          .innerText()
      ).replaceAll(/\s+/g, ' ');
    assert.equal(await said('fault network'), `unavailable fault network ${NO_HELPER}`);
    assert.match(
      await said('fault process'),
      /^available fault process it takes .*root to freeze them.*sudo firebreak helper/,
    );
    assert.equal(await said('fault http'), 'available fault http');

    await page.evaluate(() => void (location.hash = '/builder'));
    await page.getByRole('tab', { name: 'Form' }).waitFor();
    await page.evaluate((content) => {
      const data = new DataTransfer();
      data.items.add(new File([content], 'mine.yaml'));
      const at = document.querySelector('.cm-content');
      for (const type of ['dragenter', 'dragover', 'drop'])
        at?.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }, FILE);
    await until(
      'the file is open',
      async () => (await page.getByRole('textbox', { name: 'Name of the file' }).inputValue()) === 'mine.yaml',
    );
    await page.getByRole('button', { name: /^Plan/ }).click();
    const planned = (policy: string) => page.getByRole('article').filter({ hasText: policy });
    await planned('bad-link').getByText(`Not available here: ${NO_HELPER}`).waitFor();
    assert.doesNotMatch(await planned('burn').innerText(), /Not available here/);
    guest.quiet();
  },
);

test(
  'a fault whose helper has died, or whose target has gone, is not claimed any more: the board says why',
  { skip, timeout: 180_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const helper = stack.use(await helped(openFolder(stack, 0o711), 65_534));
    const url = new URL(await serveAsNobody(stack, helper.env['FIREBREAK_HELPER']));
    using seen = await witness({ contract: `ws://${url.host}/contract${url.hash}` });
    const [stopped, frozen] = ['stopped', 'frozen'].map((word) => sleeper(stack, `${word}-here`)) as [Sleeper, Sleeper];
    const text = `version: 1
policies:
  - { name: stop, type: process, target: "pid:${stopped.pid}", allow_last: true }
  - { name: freeze, type: process, target: "pid:${frozen.pid}", action: freeze, allow_last: true }
`;
    await seen.client.command('apply', { text, file: 'two.yaml', ttlMs: 120_000 });

    await using browser = await openBrowser();
    await using guest = await visit(browser, { url: url.href });
    const { page } = guest;
    const card = (policy: string) =>
      page.getByRole('list', { name: 'Faults' }).getByRole('listitem').filter({ hasText: policy });
    for (const policy of ['stop', 'freeze']) await card(`${policy} · process`).getByText('1 of 1').waitFor();
    assert.doesNotMatch(await card('freeze · process').innerText(), /could not be measured/);

    helper.helper.child.kill('SIGKILL');
    await card('freeze · process')
      .getByText(
        /could not be measured, the figures are from before: the helper does not answer, sudo firebreak helper starts it again: nobody answers at .* \(ECONNREFUSED\)/,
      )
      .waitFor();
    stopped.kill('SIGKILL');
    await card('stop · process').getByText('0 of 1').waitFor();
    await card('stop · process')
      .getByText(/ended|gone/)
      .waitFor();
    await until('the watchdog has put it back', async () => readProcess(frozen.pid)?.state === 'S');
    guest.quiet();
  },
);

type Sleeper = { readonly pid: number; readonly kill: (signal: NodeJS.Signals) => void };
/** A process of the user that does nothing, until its test ends. */
function sleeper(stack: AsyncDisposableStack, word: string): Sleeper {
  const [program = '', ...through] = NOBODY;
  const child = spawn(program, [...through, process.execPath, '-e', 'setInterval(() => {}, 1e6)', word], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  stack.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { pid: child.pid ?? 0, kill: (signal) => void child.kill(signal) };
}
