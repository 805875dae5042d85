import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { capture } from './spawn.ts';
import { parseTcpTable } from './tcp-table.ts';

/**
 * The processes that listen on a TCP port of this machine, on any of its addresses. Those of other users are seen only by
 * root. Reads the descriptors of every process: some milliseconds, more on a busy machine.
 */
export function listenersOn(port: number): ReadonlySet<number> {
  return process.platform === 'linux' ? linuxListeners(port) : lsofListeners(port);
}

function linuxListeners(port: number): ReadonlySet<number> {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => read(() => readFileSync(path, 'utf8').split('\n')) ?? []);
  const sockets = parseTcpTable(lines, new Set([port])).filter(({ state, localPort }) => state === 'listening' && localPort === port);
  const wanted = new Set(sockets.map(({ inode }) => `socket:[${inode}]`));
  if (wanted.size === 0) return new Set();
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number);
  return new Set(pids.filter((pid) => descriptorsOf(pid).some((target) => wanted.has(target))));
}

const descriptorsOf = (pid: number): readonly string[] =>
  (read(() => readdirSync(`/proc/${pid}/fd`)) ?? []).map((fd) => read(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '');

function lsofListeners(port: number): ReadonlySet<number> {
  const text = read(() => capture('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-t'])) ?? '';
  return new Set(text.split('\n').filter((line) => line !== '').map(Number));
}

/** What is gone, or not to be seen by this user, reads as undefined. */
function read<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
