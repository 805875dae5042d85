// Where an Electron is on this machine. Plain JavaScript for Node 20; never fetches one.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const BINARY = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' };

/** The unpacked Electron: $FIREBREAK_ELECTRON_DIST, else the one that came with the dependencies; undefined when neither is there. */
export function electronDist() {
  const candidates = [process.env.FIREBREAK_ELECTRON_DIST, join(root, 'node_modules', 'electron', 'dist')];
  return candidates.find(
    (dist) => dist !== undefined && dist !== '' && existsSync(join(dist, BINARY[process.platform] ?? 'electron')),
  );
}

/** Electron's program; undefined when there is none. */
export function electronBinary() {
  const dist = electronDist();
  return dist === undefined ? undefined : join(dist, BINARY[process.platform] ?? 'electron');
}

/** The version that package.json asks for. */
export function electronVersion() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.electron;
}
