/** What `import … from 'electron'` gives under the stand-in: what Firebreak uses of Electron, and nothing more. */
export { app } from './app.ts';
export { BrowserWindow } from './browser-window.ts';
export { MessageChannelMain, ipcMain } from './ipc.ts';
export { Menu, MenuItem, Notification, Tray, dialog, globalShortcut, nativeImage, powerMonitor, screen, shell } from './native.ts';
export { protocol, session } from './session.ts';
export { WebContents as webContents } from './web-contents.ts';
