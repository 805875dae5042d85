import { type Bridge } from './bridge.ts';
import { browserBridge } from './browser.ts';
import { desktop, desktopBridge } from './desktop.ts';

/** The one place that tells hosts apart. */
export const pickBridge = (): Bridge => (desktop === undefined ? browserBridge() : desktopBridge(desktop));
