import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, isAbsolute, join } from 'node:path';

/** The real servers that tests talk to: started in folders of their own, on free ports, and ended by their pid. */

/** Nothing may take longer than this to start or to end, in milliseconds: machines are slow and shared. */
const PATIENCE = 120_000;
/** Where distributions put servers that are on nobody's PATH. */
const SERVER_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/lib/postgresql/15/bin', '/usr/lib/rabbitmq/bin'];

/** The full path of a program, or undefined when this machine does not have it. */
export function programOf(name: string): string | undefined {
  if (isAbsolute(name)) return existsSync(name) ? name : undefined;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SERVER_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** For `skip` of a test: why it cannot run here, or false. */
export function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((name) => programOf(name) === undefined);
  return absent.length === 0
    ? false
    : `${absent.join(', ')} ${absent.length === 1 ? 'is' : 'are'} not installed on this machine`;
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

export interface ServerOptions {
  readonly program: string;
  /** Gets the folder that is its own and is deleted with it, and the port it is to listen on. */
  readonly args: (folder: string, port: number) => readonly string[];
  readonly env?: (folder: string, port: number) => Readonly<Record<string, string>>;
  /** Runs before it, for what it needs on disk. */
  readonly prepare?: (folder: string, port: number) => void | Promise<void>;
  /** A user whom the process shall run as (`postgres` refuses root). */
  readonly user?: string;
  /** Whether it can serve now; by default whether its port accepts. Called until true. */
  readonly ready?: (port: number, folder: string) => Promise<boolean>;
  readonly stopSignal?: NodeJS.Signals;
}

/** One running server. */
export interface LabServer extends AsyncDisposable {
  readonly port: number;
  readonly address: string;
  readonly folder: string;
  readonly child: ChildProcess;
  /** What it has written so far, for the message of a test that fails. */
  log(): string;
}

/** Starts a server and waits until it serves. Throws with its last words when it does not. */
export async function startServer(options: ServerOptions): Promise<LabServer> {
  const path = programOf(options.program);
  if (path === undefined) throw new Error(`${options.program} is not installed`);
  const folder = mkdtempSync(join(tmpdir(), `firebreak-lab-${basename(options.program)}-`));
  const port = await freePort();
  const who = options.user === undefined || process.getuid?.() !== 0 ? undefined : idsOf(options.user);
  if (who !== undefined) spawnSync('chown', [`${who.uid}:${who.gid}`, folder]);
  let text = '';
  let child: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (child !== undefined) await end(child, options.stopSignal ?? 'SIGTERM');
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await options.prepare?.(folder, port);
    child = spawn(path, options.args(folder, port), {
      cwd: folder,
      env: { ...process.env, ...options.env?.(folder, port) },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...who,
    });
    const keep = (bytes: Buffer): void => void (text = (text + bytes.toString()).slice(-20_000));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const ready = options.ready ?? accepts;
    const deadline = performance.now() + PATIENCE;
    while (!(await ready(port, folder).catch(() => false))) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`${options.program} does not serve: ${text.slice(-2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, address: `127.0.0.1:${port}`, folder, child, log: () => text, [Symbol.asyncDispose]: stop };
}

/** Whether something accepts connections on the port. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string): number => Number(spawnSync('id', [flag, user], { encoding: 'utf8' }).stdout.trim());
  return { uid: id('-u'), gid: id('-g') };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  const hard = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(hard);
}
