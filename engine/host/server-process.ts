import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { realClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type ServerOrder } from './children/server-order.ts';
import { capture, spawnNode } from './spawn.ts';

/** A program, by name or by its full path, and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** Where a server is to live. */
export interface ServerPlace {
  /** Its own; deleted with it. */
  readonly folder: string;
  /** The port of the loopback address that it is to listen on. */
  readonly port: number;
  /** As many more as it asked for. */
  readonly morePorts: readonly number[];
}

/** How a real server (a database, a broker) is started for a while: plain data, so that the process that guards it can do it all. */
export interface ServerSpec {
  /** What people call it. */
  readonly title: string;
  /** Programs that have to be here. */
  readonly needs: readonly string[];
  /** Why it cannot run here although the programs may be there; '' when it can. */
  readonly missing?: () => string;
  readonly morePorts?: number;
  /** The user it runs as when this process is root (PostgreSQL refuses root). */
  readonly user?: string;
  /** Files of its folder, by name, written before anything runs. */
  readonly files?: (place: ServerPlace) => Readonly<Record<string, string>>;
  /** Runs to their end, one after another. */
  readonly first?: (place: ServerPlace) => readonly CommandLine[];
  /** Runs beside the server, as long as it does. */
  readonly helper?: (place: ServerPlace) => CommandLine;
  readonly command: (place: ServerPlace) => CommandLine;
  readonly env?: (place: ServerPlace) => Readonly<Record<string, string>>;
  /** Whether it can serve now; by default whether its port accepts. Asked until it says true; a throw is a no. */
  readonly ready?: (port: number) => Promise<boolean>;
  readonly stopSignal?: NodeJS.Signals;
}

/** One running server. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly folder: string;
  /** Of the server itself. */
  readonly pid: number;
  /** What it has written so far; the newest 20,000 characters. */
  log(): string;
}

/** Nothing may take longer than this to start, milliseconds: machines are slow and shared. */
const PATIENCE = 120_000;
const ASK_EVERY = 25;
const LOG_KEPT = 20_000;
const GUARD = fileURLToPath(new URL('./children/server-guard.ts', import.meta.url));

/** The full path of a program, or undefined when this machine does not have it. */
export function programOf(name: string): string | undefined {
  const folders = isAbsolute(name) ? [''] : [...(process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute), ...serverFolders()];
  return folders.map((folder) => join(folder, name)).find(isProgram);
}

/** Where distributions put servers that are on nobody's PATH; of several versions the newest first. */
function serverFolders(): string[] {
  const versions = (folder: string): string[] =>
    existsSync(folder) ? readdirSync(folder).sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a)).map((version) => join(folder, version, 'bin')) : [];
  return ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin', '/opt/homebrew/bin', ...versions('/usr/lib/postgresql'), '/usr/lib/rabbitmq/bin'];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Why these programs cannot be run here: `java is not installed on this machine`. False when all are here. */
export function missingPrograms(...programs: readonly string[]): string | false {
  const absent = programs.filter((name) => programOf(name) === undefined);
  if (absent.length === 0) return false;
  return `${absent.join(', ')} ${absent.length === 1 ? 'is' : 'are'} not installed on this machine`;
}

/** Why this server cannot be started here, or false. */
export function missingServer({ needs, missing, user }: ServerSpec): string | false {
  const absent = missingPrograms(...needs);
  if (absent !== false) return absent;
  if (user !== undefined && isRoot() && idsOf(user) === undefined) return `it refuses root, and this machine has no user ${user}`;
  const why = missing?.() ?? '';
  return why === '' ? false : why;
}

/** A port of the loopback address that nobody has now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/**
 * Starts a server in a folder of its own and waits until it serves. A guard, a process of its own, starts it and, once
 * this one disposes of it or is gone in whatever way, ends it with all that it started and removes the folder.
 * @throws FirebreakError `server-failed` with its last words; nothing is left then.
 */
export async function startServer(spec: ServerSpec): Promise<ServerProcess> {
  const absent = missingServer(spec);
  if (absent !== false) throw failed(spec, `cannot be started: ${absent}`);
  const [port = 0, ...morePorts] = await Promise.all(Array.from({ length: 1 + (spec.morePorts ?? 0) }, freePort));
  const name = spec.title.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  // Made by the guard, which removes it; were it made here, it would stay when this process is killed in between.
  const folder = join(tmpdir(), `firebreak-${name}-${randomUUID().slice(0, 8)}`);
  const guard = spawnNode(GUARD, [], { role: `server-${name}`, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  guard.ref(); // whoever waits for its end is not to run out of things to wait for
  const gone = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    guard.stdin?.end();
    await gone;
  };
  let text = '';
  let [pid, ended] = [0, false];
  guard.stdin?.on('error', () => {}); // it has ended, and `exit` says so
  guard.stderr?.setEncoding('utf8').on('data', (more: string) => (text = (text + more).slice(-LOG_KEPT)));
  if (guard.stdout !== null) createInterface({ input: guard.stdout }).on('line', (line) => (pid = Number(line)));
  void gone.then(() => (ended = true));
  try {
    guard.stdin?.write(`${JSON.stringify(orderOf(spec, { folder, port, morePorts }))}\n`);
    const late = realClock.now() + PATIENCE;
    const ready = spec.ready ?? accepts;
    while (pid === 0 || !(await ready(port).catch(() => false))) {
      if (ended || realClock.now() > late) throw failed(spec, `does not serve: ${text.trim().slice(-2_000)}`);
      await realClock.sleep(ASK_EVERY);
    }
  } catch (error) {
    await end();
    throw error;
  }
  return { port, address: `127.0.0.1:${port}`, folder, pid, log: () => text, [Symbol.asyncDispose]: end };
}

function orderOf(spec: ServerSpec, place: ServerPlace): ServerOrder {
  const found = ([program, ...args]: CommandLine): CommandLine => [programOf(program) ?? program, ...args];
  const user = spec.user === undefined || !isRoot() ? undefined : idsOf(spec.user);
  return {
    folder: place.folder,
    files: spec.files?.(place) ?? {},
    first: (spec.first?.(place) ?? []).map(found),
    helper: spec.helper === undefined ? null : found(spec.helper(place)),
    command: found(spec.command(place)),
    env: spec.env?.(place) ?? {},
    user: user ?? null,
    stopSignal: spec.stopSignal ?? 'SIGTERM',
  };
}

/** Whether something accepts connections on the port. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

const failed = ({ title }: ServerSpec, what: string): FirebreakError => new FirebreakError('server-failed', `${title} ${what}`);
const isRoot = (): boolean => process.getuid?.() === 0;

function idsOf(user: string): { uid: number; gid: number } | undefined {
  try {
    return { uid: Number(capture('id', ['-u', user])), gid: Number(capture('id', ['-g', user])) };
  } catch {
    return undefined; // no such user
  }
}
