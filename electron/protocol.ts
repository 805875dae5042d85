import { protocol } from 'electron';
import { ROOM_ORIGIN } from '../engine/contract/desktop.ts';
import { securityHeaders } from '../engine/transport/headers.ts';
import { type RoomPage } from '../engine/transport/page.ts';

const SCHEME = new URL(ROOM_ORIGIN).protocol.slice(0, -1);
export const ROOM_URL = `${ROOM_ORIGIN}/`;

/** Whether an address is the room's; decided on the parsed address, since `app://room.evil/` begins alike. */
export function isRoom(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol: scheme, host, username, password } = new URL(address);
  return `${scheme}//${host}` === ROOM_ORIGIN && username === '' && password === '';
}

/** Must run before the app is ready. A standard scheme has an origin, so that `'self'` and storage work as on the web. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** Serves the built room at ROOM_URL and nothing of the disk besides. */
export function servePage(page: RoomPage): void {
  protocol.handle(SCHEME, async ({ url, method }) => {
    if (!isRoom(url) || method !== 'GET') return refused(method === 'GET' ? 404 : 405);
    // The engine is reached over the message port: the page connects to nowhere.
    const answer = await page.answer(new URL(url).pathname, { connect: [] });
    return answer === undefined
      ? refused(404)
      : new Response(new Uint8Array(answer.body), { status: answer.status, headers: answer.headers });
  });
}

const refused = (status: 404 | 405): Response =>
  new Response(status === 404 ? 'There is nothing here.\n' : 'Only GET is answered.\n', {
    status,
    headers: { ...securityHeaders(), 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  });
