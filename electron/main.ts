import { startDesktop } from './desktop.ts';

/** The entry of the desktop program, in Electron's main process. */
startDesktop();
