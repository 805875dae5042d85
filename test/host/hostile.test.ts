import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { type Page } from 'playwright-core';
import { api } from '../../engine/contract/api.ts';
import { createEngine } from '../../engine/index.ts';
import { serve } from '../../engine/transport/dispatch.ts';
import { openPage } from '../../engine/transport/page.ts';
import { type LoopbackServer, listenLoopback } from '../../engine/transport/websocket.ts';
import { folder } from '../cli/process.ts';
import { NO_CHROMIUM, openChromium } from './chromium.ts';
import { INDEX, build } from './room.ts';

/** A page as the real one: takes the token from the hash, asks the engine, and shows that it was answered. */
const SCRIPT = `
const token = new URLSearchParams(location.hash.slice(1)).get('token');
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/contract', ['firebreak.v1', 'token.' + token]);
socket.onopen = () => socket.send(JSON.stringify({ id: 1, kind: 'query', name: 'status', input: {} }));
socket.onmessage = ({ data }) => (document.title = 'engine ' + JSON.parse(data).value.pid);
socket.onerror = () => (document.title = 'refused');
const style = document.createElement('style');
style.nonce = document.querySelector('meta[name=firebreak-nonce]').content;
style.textContent = 'html { color: rgb(1, 2, 3) }';
document.head.append(style);
window.heard = 0;
window.onmessage = () => (window.heard += 1);
`;

/** A real engine, its room, and the ports that were let in. */
async function openRoom(): Promise<
  { readonly server: LoopbackServer; readonly letIn: () => number } & AsyncDisposable
> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(folder());
  const built = stack.use(build({ 'index.html': INDEX, 'main-ABCD2345.js': SCRIPT }));
  const engine = stack.use(await createEngine({ stateDir: dir.path }));
  let ports = 0;
  const server = stack.use(
    await listenLoopback(
      (port) => {
        ports += 1;
        serve(api, engine.api, port);
      },
      { room: openPage(built.path) },
    ),
  );
  const owned = stack.move();
  return { server, letIn: () => ports, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Another server on this machine, with an empty page: what a hostile site is to the browser. */
async function openSite(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer(
    (_request, response) =>
      void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>evil</title><body>'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** In the browser: every way by which a page may reach into another origin; what each of them got. */
const ATTACK = readFileSync(new URL('./attack.browser.js', import.meta.url), 'utf8');
const attack = (page: Page, room: string, token: string): Promise<Record<string, string>> =>
  page.evaluate<Record<string, string>>(`(${ATTACK})(${JSON.stringify({ room, token })})`);

/** A function, because a text would be evaluated again at each look, which the page's own policy forbids. */
const titled = (page: Page, title: RegExp): Promise<unknown> =>
  page.waitForFunction(
    (source) => new RegExp(source).test((globalThis as unknown as { document: { title: string } }).document.title),
    title.source,
  );

describe('a hostile page in a second tab', { timeout: 300_000, skip: NO_CHROMIUM }, () => {
  test('gets nothing, while the room goes on working', async () => {
    await using room = await openRoom();
    await using site = await openSite();
    await using chromium = await openChromium();
    const context = await chromium.browser.newContext();
    const { server } = room;

    const own = await context.newPage();
    const complaints: string[] = [];
    own
      .on('console', (line) => complaints.push(line.text()))
      .on('pageerror', (error) => complaints.push(error.message));
    await own.goto(server.roomUrl);
    await titled(own, /^engine \d+$/);
    assert.equal(
      await own.evaluate('getComputedStyle(document.documentElement).color'),
      'rgb(1, 2, 3)',
      'a style with the nonce is taken',
    );
    assert.deepEqual(complaints, []);
    // What was injected into the page by whatever means does not run, and reaches no other server.
    const injected = await own.evaluate(`(async () => {
      const script = document.createElement('script');
      script.textContent = 'window.pwned = true';
      document.body.append(script);
      const link = document.createElement('a');
      link.setAttribute('onclick', 'window.pwned = true');
      link.click();
      const away = await fetch('http://127.0.0.1:${site.port}/').then(() => 'sent', () => 'nothing');
      return { ran: 'pwned' in window, away };
    })()`);
    assert.deepEqual(injected, { ran: false, away: 'nothing' });
    assert.equal(room.letIn(), 1);

    for (const [from, to] of [
      ['127.0.0.1', '127.0.0.1'],
      ['127.0.0.1', 'localhost'],
      ['evil.test', '127.0.0.1'],
      ['evil.test', 'evil.test'],
    ]) {
      const evil = await context.newPage();
      await evil.goto(`http://${from}:${site.port}/`);
      const got = await attack(evil, `http://${to}:${server.port}`, server.token);
      assert.ok(Object.keys(got).length >= 18);
      assert.deepEqual(
        Object.entries(got).filter(([, what]) => what !== 'nothing'),
        [],
        `${from} -> ${to}`,
      );
      for (const frame of evil.frames().slice(1))
        assert.ok(!(await frame.content()).includes('main-ABCD2345'), `${from} -> ${to}: framed`);
      await evil.close();
    }
    assert.equal(room.letIn(), 1, 'no WebSocket but the room’s own');

    const evil = await context.newPage();
    await evil.goto(`http://127.0.0.1:${site.port}/`);
    // A form: the browser would show what comes back, but nothing is done.
    const target = `http://127.0.0.1:${server.port}/contract`;
    const [answer] = await Promise.all([
      evil.waitForResponse(target),
      evil.evaluate(`(() => {
        const form = document.createElement('form');
        Object.assign(form, { action: '${target}', method: 'post', enctype: 'text/plain' });
        document.body.append(form);
        form.submit();
      })()`),
    ]);
    assert.equal(answer.status(), 403);

    // A window that it opened: the handle is cut off from the room.
    const opener = await context.newPage();
    await opener.goto(`http://127.0.0.1:${site.port}/`);
    const [popup] = await Promise.all([
      context.waitForEvent('page'),
      opener.evaluate(`void (window.room = window.open('${server.roomUrl}'))`),
    ]);
    await titled(popup, /^engine \d+$/);
    const handle = await opener.evaluate(`(() => {
      window.room.postMessage('hello', '*');
      let inside = 'nothing';
      try {
        inside = window.room.document.title;
      } catch {}
      return { closed: window.room.closed, frames: window.room.length, inside };
    })()`);
    assert.deepEqual(handle, { closed: true, frames: 0, inside: 'nothing' });
    assert.deepEqual(await popup.evaluate('({ opener: window.opener, heard: window.heard })'), {
      opener: null,
      heard: 0,
    });

    await own.reload();
    await titled(own, /^engine \d+$/);
  });

  test('a rebound name is refused, page and contract', async () => {
    await using room = await openRoom();
    await using chromium = await openChromium();
    const page = await chromium.browser.newPage();
    const answer = await page.goto(`http://evil.test:${room.server.port}/#token=${room.server.token}`);
    assert.equal(answer?.status(), 421);
    assert.doesNotMatch(await page.content(), /firebreak-nonce/);
    const got = await attack(page, `http://evil.test:${room.server.port}`, room.server.token);
    const read = Object.entries(got).filter(
      ([name, what]) => name.startsWith('fetch') && what !== 'nothing' && !what.includes('421'),
    );
    assert.deepEqual(read, [], 'of its own origin, so readable: but there is nothing to read');
    assert.equal(room.letIn(), 0);
  });
});
