import type { App, Session, WebContents } from 'electron';
import { isRoom } from './protocol.ts';

/** What a page may do in this program: show the room, and copy. Every window falls under these rules, ours or not. */

/** Copying text on a click; the only permission that is granted. */
const GRANTED = 'clipboard-sanitized-write';

/** Holds for every page that this program ever makes. Call before the first window. */
export function guardContents(app: App): void {
  app.on('web-contents-created', (_event, contents) => guard(contents));
}

function guard(contents: WebContents): void {
  const stay = (event: { readonly url: string; preventDefault(): void }): void => {
    if (!isRoom(event.url)) event.preventDefault();
  };
  contents.on('will-navigate', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** Denies permissions, downloads and the network to every page of a session. */
export function guardSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer) => {
    answer(permission === GRANTED && contents !== null && isRoom(contents.getURL()));
  });
  session.setPermissionCheckHandler((_contents, permission, origin) => permission === GRANTED && isRoom(origin));
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
  // The page's own policy forbids it already; this also holds for a page that is not ours.
  session.webRequest.onBeforeRequest(
    { urls: ['http://*/*', 'https://*/*', 'ws://*/*', 'wss://*/*', 'ftp://*/*', 'file:///*'] },
    (_details, answer) => answer({ cancel: true }),
  );
}
