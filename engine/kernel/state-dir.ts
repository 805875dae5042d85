import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where Firebreak keeps its journal and history, whichever host runs the engine: $FIREBREAK_HOME, else what the platform
 * foresees for such data (XDG Base Directory 0.8 on Linux).
 */
export function defaultStateDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const given = env['FIREBREAK_HOME'];
  if (given !== undefined && given !== '') return given;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Firebreak');
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'Firebreak');
  const xdg = env['XDG_STATE_HOME'];
  // The specification has relative paths ignored.
  return join(xdg?.startsWith('/') === true ? xdg : join(homedir(), '.local', 'state'), 'firebreak');
}
