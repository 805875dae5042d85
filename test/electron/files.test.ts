import assert from 'node:assert/strict';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Desk, Home, NO_DESKTOP, until } from './desk.ts';

/** Files: from the command line, a second start, and native dialogs. */

const TEXT = 'version: 1\npolicies: []\n';
let home: Home;
let desk: Desk;
before(async () => {
  if (NO_DESKTOP !== false) return;
  home = new Home();
  home.file('given.yaml', TEXT);
  desk = await Desk.start(home, { args: ['given.yaml'] });
});
after(async () => {
  await desk?.[Symbol.asyncDispose]();
  await home?.[Symbol.asyncDispose]();
});

type Saved = { path: string; name: string } | null;
interface Desktop {
  openFile(): Promise<{ path: string; name: string; text: string } | null>;
  saveFile(request: object): Promise<Saved>;
  saveDocument(request: object): Promise<Saved>;
}
const open = (): ReturnType<Desktop['openFile']> =>
  desk.page.evaluate(() => (globalThis as unknown as { firebreak: Desktop }).firebreak.openFile());
const save = (request: object): Promise<Saved> =>
  desk.page.evaluate((sent) => (globalThis as unknown as { firebreak: Desktop }).firebreak.saveFile(sent), request);
const saveDocument = (request: object): Promise<Saved> =>
  desk.page.evaluate((sent) => (globalThis as unknown as { firebreak: Desktop }).firebreak.saveDocument(sent), request);

/** The person at the desktop chooses a path, or cancels. */
async function choose(path: string | null): Promise<void> {
  await desk.app.evaluate(({ dialog }, chosen) => {
    const counted = globalThis as unknown as { dialogs: number };
    counted.dialogs = 0;
    const count =
      <T>(answer: T) =>
      async (): Promise<T> => {
        counted.dialogs += 1;
        return answer;
      };
    dialog.showOpenDialog = count({
      canceled: chosen === null,
      filePaths: chosen === null ? [] : [chosen],
    }) as unknown as typeof dialog.showOpenDialog;
    dialog.showSaveDialog = count({
      canceled: chosen === null,
      filePath: chosen ?? '',
    }) as unknown as typeof dialog.showSaveDialog;
  }, path);
}
const dialogs = (): Promise<number> => desk.app.evaluate(() => (globalThis as unknown as { dialogs: number }).dialogs);

test('a file of the command line is opened', { skip: NO_DESKTOP }, async () => {
  const [file] = await until('the file', async () => (await desk.seen()).files.length > 0 && (await desk.seen()).files);
  assert.deepEqual(file, { path: join(home.path, 'given.yaml'), name: 'given.yaml', text: TEXT });
});

test('a second start hands its file over, shows the window and ends', { skip: NO_DESKTOP }, async () => {
  home.file('second.firebreak', TEXT);
  await desk.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide());
  assert.equal(await home.second(['second.firebreak']), 0);
  await until('the second file', async () => (await desk.seen()).files.some(({ name }) => name === 'second.firebreak'));
  await until('the window', () => desk.isVisible());
  assert.equal(await desk.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length), 1);
});

test('macOS hands a file over by an event', { skip: NO_DESKTOP }, async () => {
  const path = home.file('handed.yml', TEXT);
  await desk.app.evaluate(({ app }, given) => void app.emit('open-file', { preventDefault: () => {} }, given), path);
  await until('the file', async () => (await desk.seen()).files.some(({ name }) => name === 'handed.yml'));
});

test('a file is opened by a dialog, and written back without one', { skip: NO_DESKTOP }, async () => {
  const path = home.file('chosen.yaml', TEXT);
  await choose(path);
  assert.deepEqual(await open(), { path, name: 'chosen.yaml', text: TEXT });
  await choose(null);
  assert.equal(await open(), null);
  await choose(null);
  assert.deepEqual(await save({ name: 'chosen.yaml', text: `${TEXT}# more\n`, path }), { path, name: 'chosen.yaml' });
  assert.equal(await dialogs(), 0);
  assert.equal(readFileSync(path, 'utf8'), `${TEXT}# more\n`);
});

test('a path that no person chose is not written without asking', { skip: NO_DESKTOP }, async () => {
  const path = home.file('foreign.yaml', TEXT);
  await choose(null);
  assert.equal(await save({ name: 'foreign.yaml', text: 'gone', path }), null);
  assert.equal(await dialogs(), 1);
  assert.equal(readFileSync(path, 'utf8'), TEXT);
});

test('a new file gets the ending of a Firebreak file, and is known from then on', { skip: NO_DESKTOP }, async () => {
  await choose(join(home.path, 'fresh'));
  const path = join(home.path, 'fresh.yaml');
  assert.deepEqual(await save({ name: 'fresh', text: TEXT }), { path, name: 'fresh.yaml' });
  await choose(null);
  assert.deepEqual(await save({ name: 'fresh', text: 'version: 1\n', path }), { path, name: 'fresh.yaml' });
  await choose(join(home.path, 'fresh'));
  await assert.rejects(save({ name: 'fresh', text: TEXT }), /fresh\.yaml is there already\. Save again/);
  assert.equal(readFileSync(path, 'utf8'), 'version: 1\n');
});

test('a report is exported byte by byte', { skip: NO_DESKTOP }, async () => {
  const path = join(home.path, 'report.pdf');
  const bytes = Buffer.from([0x25, 0x50, 0x44, 0x46, 0, 255, 128]);
  await choose(path);
  assert.deepEqual(await saveDocument({ name: 'report.pdf', base64: bytes.toString('base64') }), {
    path,
    name: 'report.pdf',
  });
  assert.deepEqual(readFileSync(path), bytes);
  await assert.rejects(
    saveDocument({ name: 'evil.sh', base64: '' }),
    /evil\.sh is not a document that reports come as/,
  );
});

test('what is no Firebreak file is refused with the cause and the remedy', { skip: NO_DESKTOP }, async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [home.file('notes.txt', TEXT), /notes\.txt is not a Firebreak file by its name\. Choose one that ends in/],
    [join(home.path, 'missing.yaml'), /cannot read .*missing\.yaml: ENOENT.*Check that the file is there/],
    [latin1(), /latin\.yaml is not text in UTF-8\. Save it as UTF-8/],
    [large(), /large\.yaml is larger than 5 MiB of text\. Split it/],
  ];
  for (const [path, expected] of cases) {
    await choose(path);
    await assert.rejects(open(), expected);
  }
});
const large = (): string => {
  const path = home.file('large.yaml', '');
  truncateSync(path, 64 << 20);
  return path;
};
const latin1 = (): string => {
  const path = join(home.path, 'latin.yaml');
  // Two bytes that UTF-8 never has.
  writeFileSync(path, Buffer.from([0x76, 0xff, 0xfe]));
  return path;
};

test('what the page sends is checked before anything is done', { skip: NO_DESKTOP }, async () => {
  await choose(join(home.path, 'never.yaml'));
  for (const request of [
    {},
    { name: 'x.yaml' },
    { name: '', text: '' },
    { name: 'x.yaml', text: 1 },
    { name: 'x.yaml', text: '', more: true },
  ]) {
    await assert.rejects(save(request), /the input of firebreak:save-file is not valid/);
  }
  await assert.rejects(saveDocument({ name: 'x.pdf', base64: 'not base64!' }), /is not valid/);
  assert.equal(await dialogs(), 0);
  assert.equal(existsSync(join(home.path, 'never.yaml')), false);
});
