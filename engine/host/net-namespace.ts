import { execFile } from 'node:child_process';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { TOOL_PATH } from './scratch-namespace.ts';
import { isLost, LOST, runtimeEnv } from './spawn.ts';

/** A network namespace of this machine: how to get in, and what tells it apart from the others that exist at the time. */
export interface NetNamespace {
  /** A file that stands for it; '' for the one that this process is in. */
  readonly path: string;
  /** The number of the namespace, network_namespaces(7). The kernel uses it again once the namespace is gone. */
  readonly inode: number;
}

const OWN = '/proc/self/ns/net';
/** Where ip-netns(8) keeps what it has named. */
const NAMED = '/run/netns';

/** The namespace that this process is in. */
export const ownNamespace = (): NetNamespace => ({ path: '', inode: inodeOf(OWN) ?? 0 });

/** The namespace with this name, or of this process; undefined when there is none. It may be the own one. */
export function namespaceOf(place: { readonly name: string } | { readonly pid: number }): NetNamespace | undefined {
  const path = 'name' in place ? `${NAMED}/${place.name}` : `/proc/${place.pid}/ns/net`;
  const inode = inodeOf(path);
  return inode === undefined ? undefined : inode === inodeOf(OWN) ? ownNamespace() : { path, inode };
}

/**
 * The same namespace by another way in, when the way that is known has gone with its process or its name; undefined when
 * nothing is in it any more, and with it all its devices and rules have gone.
 */
export function findNamespace({ path, inode }: NetNamespace): NetNamespace | undefined {
  const ways = [OWN, path, ...entriesOf(NAMED).map((name) => `${NAMED}/${name}`), ...entriesOf('/proc').filter((entry) => /^\d+$/.test(entry)).map((pid) => `/proc/${pid}/ns/net`)];
  const way = ways.find((one) => one !== '' && inodeOf(one) === inode);
  return way === undefined ? undefined : { path: way === OWN ? '' : way, inode };
}

/** Both kinds of files have it: the link in /proc says `net:[4026531840]`, what is mounted under a name is the file itself. */
function inodeOf(path: string): number | undefined {
  try {
    return Number(/^net:\[(\d+)\]$/.exec(readlinkSync(path))?.[1]);
  } catch {
    try {
      return statSync(path).ino;
    } catch {
      return undefined;
    }
  }
}

function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A command, in the language of the program, read from its standard input: `tc -batch -`, `ip -batch -`, `nft -f -`. */
export interface NetCommand {
  readonly program: 'tc' | 'ip' | 'nft';
  readonly input: string;
}

/** A command of the network takes some milliseconds; a machine that is busy enough takes seconds. */
const WITHIN = 20_000;

/** Runs a program in a namespace. @throws FirebreakError `command-failed` with its last words. */
export function runIn(namespace: NetNamespace, program: string, args: readonly string[], input = '', within = WITHIN): Promise<string> {
  const [file, all] = namespace.path === '' ? [program, args] : ['nsenter', [`--net=${namespace.path}`, '--', program, ...args]];
  return new Promise((resolve, reject) => {
    const child = execFile(file, [...all], { encoding: 'utf8', timeout: within, maxBuffer: 64 << 20, env: { PATH: TOOL_PATH, LC_ALL: 'C', ...runtimeEnv() } }, (error, stdout, stderr) => {
      if (error === null && !isLost(child)) return resolve(stdout);
      const words = stderr.trim() || (error === null ? LOST : messageOf(error));
      reject(new FirebreakError('command-failed', `${program} ${args.join(' ')}: ${words}`, { cause: error }));
    });
    child.stdin?.on('error', () => {}); // it has ended before it read all; its exit code says why
    child.stdin?.end(input);
  });
}

/** How each program reads a batch. */
const BATCH = { tc: ['-batch', '-'], ip: ['-batch', '-'], nft: ['-f', '-'] } as const;

/** Runs commands in order. @throws FirebreakError `command-failed` at the first that the kernel refuses. */
export async function runAll(namespace: NetNamespace, commands: readonly NetCommand[]): Promise<void> {
  for (const { program, input } of commands) await runIn(namespace, program, BATCH[program], input);
}
