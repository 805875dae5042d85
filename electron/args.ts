import { extname, resolve } from 'node:path';
import { FILE_EXTENSIONS } from '../engine/contract/desktop.ts';

/** What the command line asks of the desktop host. */
export interface DesktopArgs {
  /** Start the demo shop behind the room. */
  readonly demo: boolean;
  /** Firebreak files to open, absolute. */
  readonly files: readonly string[];
}

/**
 * Reads a command line without the program's own name. Chromium adds switches of its own to a second start's, so an
 * unknown switch is no error.
 */
export function parseArgs(args: readonly string[], cwd: string): DesktopArgs {
  return {
    demo: args.includes('--demo'),
    files: args.filter((arg) => !arg.startsWith('-') && isFirebreakFile(arg)).map((arg) => resolve(cwd, arg)),
  };
}

/** By its name: what the room may open and write. */
export function isFirebreakFile(path: string): boolean {
  const ending = extname(path).slice(1).toLowerCase();
  return FILE_EXTENSIONS.some((known) => known === ending);
}
