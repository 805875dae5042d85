// Loaded into the main process before the program: what only a person at the desktop could see and press.
const { Notification, Tray, globalShortcut } = require('electron');

const spy = { keys: new Map(), tray: null, notifications: [] };
globalThis.spy = spy;

const register = globalShortcut.register.bind(globalShortcut);
globalShortcut.register = (keys, press) => {
  spy.keys.set(keys, press);
  // As when another program has them: the desktop's answer is all that differs.
  if (process.env.FIREBREAK_TEST_KEYS_TAKEN !== undefined) return false;
  return register(keys, press);
};
const setContextMenu = Tray.prototype.setContextMenu;
Tray.prototype.setContextMenu = function (menu) {
  spy.tray = menu;
  return setContextMenu.call(this, menu);
};
const show = Notification.prototype.show;
Notification.prototype.show = function () {
  spy.notifications.push(this.title);
  return show.call(this);
};
