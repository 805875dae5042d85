import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Desk, Home, NO_DESKTOP, ON, until } from './desk.ts';

/** What the page may do. */
let home: Home;
let desk: Desk;
before(async () => {
  if (NO_DESKTOP !== false) return;
  home = new Home();
  desk = await Desk.start(home);
});
after(async () => {
  await desk?.[Symbol.asyncDispose]();
  await home?.[Symbol.asyncDispose]();
});

test(`the page has the bridge and nothing else of the host (on ${ON})`, { skip: NO_DESKTOP }, async () => {
  const found = await desk.page.evaluate(() => {
    const page = globalThis as unknown as Record<string, unknown> & { firebreak: Record<string, unknown> };
    return {
      api: Object.keys(page.firebreak).toSorted(),
      frozen: Object.isFrozen(page.firebreak),
      node: [
        'require',
        'process',
        'module',
        'Buffer',
        'global',
        '__dirname',
        'electron',
        '__standIn',
        '__receive',
      ].filter((name) => page[name] !== undefined),
    };
  });
  assert.deepEqual(found.api, [
    'connect',
    'haltShortcut',
    'onFile',
    'onMenu',
    'onNotice',
    'openFile',
    'platform',
    'saveDocument',
    'saveFile',
  ]);
  assert.deepEqual(found.node, []);
});

test('the engine answers through the port of the window', { skip: NO_DESKTOP }, async () => {
  const status = await desk.call<{ pid: number }>('query', 'status');
  assert.equal(status.pid, await desk.app.evaluate(() => process.pid));
  assert.equal((await desk.seen()).portOrigin, 'own');
});

test('the page stays where it is: no file, no site, no other room', { skip: NO_DESKTOP }, async () => {
  const { page } = desk;
  const before = page.url();
  const targets = [
    'https://example.invalid/',
    'http://127.0.0.1:9/',
    'file:///etc/passwd',
    'app://evil/',
    'app://room.evil/',
    'data:text/html,hello',
    'chrome://version/',
  ];
  for (const target of targets) {
    await page.evaluate((address) => {
      (globalThis as unknown as { location: { href: string } }).location.href = address;
    }, target);
    // An answer of the engine comes after whatever the navigation did.
    await desk.call('query', 'status');
    assert.equal(page.url(), before, target);
  }
  assert.equal((await desk.seen()).ports, 1, 'the page was never left');
});

test('the host, too, denies navigation that the page could be tricked into', { skip: NO_DESKTOP }, async () => {
  const verdicts = await desk.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents;
    const denied = (name: string, url: string): boolean => {
      let prevented = false;
      contents?.emit(
        name as 'will-navigate',
        { url, isMainFrame: true, preventDefault: () => (prevented = true) } as never,
      );
      return prevented;
    };
    const events = ['will-navigate', 'will-frame-navigate', 'will-redirect'];
    const urls = [
      'https://example.invalid/',
      'file:///etc/passwd',
      'app://room.evil/',
      'app://user@room/',
      'javascript:1',
      'nonsense',
    ];
    return {
      denied: events.flatMap((name) => urls.map((url) => denied(name, url))),
      room: events.map((name) => denied(name, 'app://room/#board')),
      webview: denied('will-attach-webview', ''),
    };
  });
  assert.ok(verdicts.denied.every(Boolean));
  assert.deepEqual(verdicts.room, [false, false, false]);
  assert.equal(verdicts.webview, true);
});

test('no window opens, and no frame', { skip: NO_DESKTOP }, async () => {
  const windows = (): Promise<number> => desk.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length);
  for (const target of ['https://example.invalid/', 'app://room/', 'about:blank', 'file:///etc/passwd']) {
    const opened = await desk.page.evaluate(
      (address) => (globalThis as unknown as { open(url: string): unknown }).open(address) !== null,
      target,
    );
    assert.equal(opened, false, target);
  }
  assert.equal(await windows(), 1);
  assert.equal(desk.app.windows().length, 1);
});

test('permissions are denied, but for copying', { skip: NO_DESKTOP }, async () => {
  const states = await desk.page.evaluate(async () => {
    type Page = {
      navigator: {
        permissions: { query(wanted: object): Promise<{ state: string }> };
        clipboard: { readText(): Promise<string> };
      };
    };
    const { permissions } = (globalThis as unknown as Page).navigator;
    const names = ['geolocation', 'notifications', 'camera', 'microphone', 'midi', 'clipboard-read'];
    return Promise.all(names.map(async (name) => `${name} ${(await permissions.query({ name })).state}`));
  });
  assert.deepEqual(states, [
    'geolocation denied',
    'notifications denied',
    'camera denied',
    'microphone denied',
    'midi denied',
    'clipboard-read denied',
  ]);
});

test('the page is served with a strict policy, and nothing but its own files', { skip: NO_DESKTOP }, async () => {
  const answers = await desk.page.evaluate(async () => {
    const look = async (path: string) => {
      const response = await fetch(path).catch(() => undefined);
      return response === undefined ? 'blocked' : response.status;
    };
    return {
      page: await look('/'),
      outside: await look('https://example.invalid/'),
      loopback: await look('http://127.0.0.1:9/'),
    };
  });
  // `connect-src 'none'`: the page asks nobody, not even its own origin.
  assert.deepEqual(answers, { page: 'blocked', outside: 'blocked', loopback: 'blocked' });
  const inline = await desk.page.evaluate(() => {
    const { document } = globalThis as unknown as {
      document: { createElement(name: string): { textContent: string }; body: { append(node: unknown): void } };
    };
    const script = document.createElement('script');
    script.textContent = 'globalThis.ranInline = true';
    document.body.append(script);
    return 'ranInline' in globalThis;
  });
  assert.equal(inline, false);
});

test('nobody but the top frame of the room is answered', { skip: NO_DESKTOP }, async () => {
  const outcomes = await desk.app.evaluate(async ({ BrowserWindow, ipcMain }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents;
    const frame = (origin: string, parent: unknown) => ({
      origin,
      url: `${origin}/`,
      parent,
      isDestroyed: () => false,
      postMessage: () => (posted += 1),
    });
    let posted = 0;
    const foreign = [frame('https://example.invalid', null), frame('app://evil', null), frame('app://room', {}), null];
    const handlers = (
      ipcMain as unknown as { _invokeHandlers: Map<string, (event: unknown, input?: unknown) => Promise<unknown>> }
    )._invokeHandlers;
    const answers: string[] = [];
    for (const senderFrame of foreign) {
      const event = { sender: contents, senderFrame };
      for (const channel of [
        'firebreak:open-file',
        'firebreak:save-file',
        'firebreak:save-document',
        'firebreak:halt-shortcut',
      ]) {
        answers.push(
          await Promise.resolve(handlers.get(channel)?.(event)).then(
            () => 'answered',
            (error: Error) => error.message,
          ),
        );
      }
      ipcMain.emit('firebreak:connect', event);
    }
    // What was asked is answered within a turn: the engine runs.
    await new Promise((resolve) => setImmediate(resolve));
    return { answers, posted };
  });
  assert.equal(outcomes.answers.length, 16);
  assert.deepEqual([...new Set(outcomes.answers)], ['refused: only the room may ask this']);
  assert.equal(outcomes.posted, 0);
  assert.equal((await desk.call<{ pid: number }>('query', 'status')).pid > 0, true, "the room's own port is untouched");
});

test('a second port closes the first', { skip: NO_DESKTOP }, async () => {
  await desk.page.evaluate(() => (globalThis as unknown as { firebreak: { connect(): void } }).firebreak.connect());
  await until('the second port', async () => (await desk.seen()).ports === 2 && (await desk.seen()).closed === 1);
  await desk.call('query', 'status');
});

test('the window is made with every lock that Electron has', { skip: NO_DESKTOP }, async () => {
  const preferences = await desk.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
      getLastWebPreferences(): Record<string, unknown>;
    };
    const { contextIsolation, sandbox, nodeIntegration, webSecurity, webviewTag } = contents.getLastWebPreferences();
    return { contextIsolation, sandbox, nodeIntegration, webSecurity, webviewTag: webviewTag ?? false };
  });
  assert.deepEqual(preferences, {
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  });
});
