import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { protectedProcesses } from './process-targets.ts';
import { listProcesses } from './processes.ts';
import { parseTcpTable } from './tcp-table.ts';

/** Why a port is never touched, in words that end "port N is ...". */
export interface ProtectedPort {
  readonly port: number;
  readonly reason: string;
}

const SSH_PORT = 22;
/** Of those that no fault may end, whose connections no fault may cut either. */
const SPOKEN_TO = /^(this Firebreak|one of Firebreak's own|an SSH server)/;

/**
 * The TCP ports by which this room is reached, and those of SSH: where Firebreak's own processes and SSH servers listen in
 * this namespace, the port of the SSH session that it was started from, and 22.
 */
export function protectedPorts(): readonly ProtectedPort[] {
  const found = new Map<number, string>([[SSH_PORT, 'the port of SSH']]);
  const session = Number((process.env['SSH_CONNECTION'] ?? '').split(' ')[3]);
  if (session > 0) found.set(session, 'the port of the SSH session that this room is controlled from');
  const room = { self: process.pid, own: [], ssh: process.env['SSH_CONNECTION'] !== undefined };
  const holders = new Map<number, string>();
  for (const [pid, reason] of protectedProcesses(listProcesses(), room)) {
    if (SPOKEN_TO.test(reason)) for (const inode of socketsOf(pid)) holders.set(inode, reason);
  }
  for (const { port, inode } of listening()) {
    const reason = holders.get(inode);
    if (reason !== undefined && !found.has(port)) found.set(port, `where ${reason.replace(/^this/, 'this very')} listens`);
  }
  return [...found].map(([port, reason]) => ({ port, reason }));
}

function socketsOf(pid: number): readonly number[] {
  return (read(() => readdirSync(`/proc/${pid}/fd`)) ?? []).flatMap((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(read(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? '')?.[1];
    return inode === undefined ? [] : [Number(inode)];
  });
}

/** Only sockets of TCP that listen (state 0A): a handful even where there are many connections. */
function listening(): readonly { readonly port: number; readonly inode: number }[] {
  const lines = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => (read(() => readFileSync(path, 'utf8')) ?? '').split('\n'));
  const open = lines.filter((line) => /:0000 0A /.test(line));
  const ports = new Set(open.map((line) => Number.parseInt(/:([0-9A-F]{4}) /.exec(line)?.[1] ?? '0', 16)));
  return parseTcpTable(open, ports).filter(({ state }) => state === 'listening').map(({ localPort, inode }) => ({ port: localPort, inode }));
}

/** What is gone, or not to be seen by this user, reads as undefined. */
function read<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
