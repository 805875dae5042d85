import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What the tests of the browser host share: a build to serve, and clients that browsers would never be. */

export const INDEX =
  '<!doctype html><title>room</title><meta name="firebreak-nonce" content="__NONCE__"><link rel="icon" href="data:,"><script type="module" src="./main-ABCD2345.js"></script>';
/** Long enough to be worth compressing. */
export const SCRIPT = `document.title = 'room is alive';\n${'// firebreak\n'.repeat(400)}`;

/** A folder with a small build in it, and whatever else is given; gone with the test. */
export function build(
  files: Readonly<Record<string, string>> = { 'index.html': INDEX, 'main-ABCD2345.js': SCRIPT },
): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-room-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}
/** One request, with any headers, by any method. */
export async function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port, path, headers, method, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) };
}

/** Sends bytes as they are and gives the head of the answer, '' when there was none. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  let answer = '';
  socket.setEncoding('latin1').on('data', (part: string) => (answer += part));
  socket.end(text);
  await once(socket, 'close');
  return answer.split('\r\n\r\n')[0] ?? '';
}
