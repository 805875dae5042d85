import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserWindow, Rectangle } from 'electron';
import { z } from 'zod';
import { realClock } from '../engine/kernel/clock.ts';
import { makeDirectory } from '../engine/kernel/directory.ts';

/** Where the window was, kept in `window.json` of the program's own folder. */

type Size = Pick<Rectangle, 'width' | 'height'>;

const side = z.int().min(-100_000).max(100_000);
const windowState = z.object({
  bounds: z.object({ x: side, y: side, width: side, height: side }),
  maximized: z.boolean(),
});
export type WindowState = z.infer<typeof windowState>;

/** The room is laid out for at least this, in pixels. */
export const SMALLEST = { width: 960, height: 600 } as const;
const FIRST = { width: 1440, height: 900 } as const;
/** How much of the title bar must be on some display for a person to be able to grasp the window, in pixels. */
const GRASP = { width: 100, height: 30 } as const;
/** A window that is being dragged moves many times a second. */
const SETTLED_MS = 500;

const fileOf = (folder: string): string => join(folder, 'window.json');

/** Where to open the window: as it was left, if that is still on a display. @param areas work areas of the displays. */
export function placeOf(
  folder: string,
  areas: readonly Rectangle[],
): { readonly bounds: Size | Rectangle; readonly maximized: boolean } {
  const kept = read(folder);
  if (kept === undefined) return { bounds: FIRST, maximized: false };
  const { x, y } = kept.bounds;
  const width = Math.max(kept.bounds.width, SMALLEST.width);
  const height = Math.max(kept.bounds.height, SMALLEST.height);
  const graspable = areas.some(
    (area) =>
      Math.min(x + width, area.x + area.width) - Math.max(x, area.x) >= GRASP.width &&
      y >= area.y &&
      y + GRASP.height <= area.y + area.height,
  );
  // Without a place the system centres it.
  return { bounds: graspable ? { x, y, width, height } : { width, height }, maximized: kept.maximized };
}

function read(folder: string): WindowState | undefined {
  try {
    return windowState.parse(JSON.parse(readFileSync(fileOf(folder), 'utf8')));
  } catch {
    // None yet, or not ours: the window opens as the first time.
    return undefined;
  }
}

/** Keeps the place of a window as it changes, and once more when it closes. */
export function keepPlace(window: BrowserWindow, folder: string): void {
  let waiting: Disposable | undefined;
  const keep = (): void => {
    waiting?.[Symbol.dispose]();
    waiting = undefined;
    if (window.isDestroyed()) return;
    // The size to return to, not that of the maximised window.
    write(folder, { bounds: window.getNormalBounds(), maximized: window.isMaximized() });
  };
  const later = (): void => {
    waiting ??= realClock.after(SETTLED_MS, keep);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('maximize', later);
  window.on('unmaximize', later);
  window.on('close', keep);
}

function write(folder: string, state: WindowState): void {
  try {
    makeDirectory(folder, 0o700);
    const file = fileOf(folder);
    writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    // A full disk must not disturb a game day for the sake of a window's place.
  }
}
