import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { FirebreakError } from '../kernel/errors.ts';

/** Longest path of a Unix socket in bytes: 104 on macOS with the final zero, 108 on Linux (sys/un.h); with a margin. */
const MAX_SOCKET_PATH = 100;
const PIPES = '\\\\.\\pipe\\';

/** Where the watchdog of a state directory listens. */
export const watchdogAddress = (stateDir: string): string => addressOf(stateDir, 'watchdog');
/** Where the sentinel thread of the engine with this pid listens. */
export const sentinelAddress = (stateDir: string, pid: number): string => addressOf(stateDir, `engine-${pid}`);

/** The addresses of all sentinels of a state directory; some may be left over from engines that died. */
export function sentinelAddresses(stateDir: string): readonly string[] {
  const prefix = process.platform === 'win32' ? `firebreak-${hashOf(stateDir)}-engine-` : 'engine-';
  const folder = process.platform === 'win32' ? PIPES : folderOf(stateDir);
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && /-\d+(\.sock)?$/.test(name))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function addressOf(stateDir: string, name: string): string {
  if (process.platform === 'win32') return `${PIPES}firebreak-${hashOf(stateDir)}-${name}`;
  return join(folderOf(stateDir), `${name}.sock`);
}

/**
 * The state directory itself, unless its path is too long for a socket: then a directory of ours alone under the
 * temporary one.
 */
function folderOf(stateDir: string): string {
  const folder = resolve(stateDir);
  const longest = join(folder, 'engine-4194304.sock');
  if (Buffer.byteLength(longest) <= MAX_SOCKET_PATH) return folder;
  const { uid } = userInfo();
  const short = join(tmpdir(), `firebreak-${uid}-${hashOf(stateDir)}`);
  mkdirSync(short, { recursive: true, mode: 0o700 });
  const found = lstatSync(short);
  // Anyone may write to the temporary directory: somebody else's directory of that name is a trap.
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0) return short;
  throw new FirebreakError('socket-unsafe', `${short} is not a directory of this user alone`, {
    hint: 'Remove it, or choose a state directory with a shorter path.',
  });
}

function hashOf(stateDir: string): string {
  return createHash('sha256').update(resolve(stateDir)).digest('hex').slice(0, 16);
}
