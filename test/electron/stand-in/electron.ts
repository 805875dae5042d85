/**
 * What `import … from 'electron'` gives under the stand-in: what Firebreak uses of Electron, and nothing more.
 *
 * Real: the host's code and its engine, children that must be told to be Node, the preload bundle in a world of its own,
 * message ports, the `app:` handler, rules of navigation, crashes of the page, exit codes, second starts.
 *
 * Modelled: menus, tray, dialogs, keys, notifications, the frame of a window. Permissions are asked for beforehand and set
 * in the browser; `window.open` is answered on the page's side.
 *
 * Only the true Electron shows: the sandbox and the absence of Node in the page as Chromium enforces them, `app:` as a
 * scheme (pages are shown at `https://….app.invalid`), links that open windows, `beforeunload`, and what a desktop does
 * with tray, keys and file associations.
 */
export { app } from './app.ts';
export { BrowserWindow } from './browser-window.ts';
export { MessageChannelMain, ipcMain } from './ipc.ts';
export {
  Menu,
  MenuItem,
  Notification,
  Tray,
  dialog,
  globalShortcut,
  nativeImage,
  powerMonitor,
  screen,
  shell,
} from './native.ts';
export { protocol, session } from './session.ts';
export { WebContents as webContents } from './web-contents.ts';
