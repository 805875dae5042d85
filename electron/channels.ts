/** The names under which page side and host side of the desktop window speak; both ends import them. */
export const CHANNEL = {
  connect: 'firebreak:connect',
  port: 'firebreak:port',
  openFile: 'firebreak:open-file',
  saveFile: 'firebreak:save-file',
  saveDocument: 'firebreak:save-document',
  haltShortcut: 'firebreak:halt-shortcut',
  /** The page listens now: what was kept for it may be sent. */
  listening: 'firebreak:listening',
  menu: 'firebreak:menu',
  file: 'firebreak:file',
  notice: 'firebreak:notice',
} as const;

/** What the host sends unasked, and the page may not hear yet when it is sent. */
export const PUSHED = [CHANNEL.menu, CHANNEL.file, CHANNEL.notice] as const;
export type PushedChannel = (typeof PUSHED)[number];
