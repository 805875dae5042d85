import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The Chromium that shows the windows, and a plain client of its DevTools protocol. */

type Params = Record<string, unknown>;
type Listener = (params: Params & Record<string, never>) => void;

/** One attached page, or the browser itself. */
export class Session {
  readonly #connection: Connection;
  readonly id: string | undefined;
  readonly #listeners = new Map<string, Listener[]>();

  constructor(connection: Connection, id: string | undefined) {
    this.#connection = connection;
    this.id = id;
  }
  send<T = Params>(method: string, params: Params = {}): Promise<T> {
    return this.#connection.send(method, params, this.id) as Promise<T>;
  }
  // The protocol's shapes are the browser's word; what is used of them is read where it is used.
  on<P>(event: string, listener: (params: P) => void): void {
    const known = this.#listeners.get(event) ?? [];
    known.push(listener as unknown as Listener);
    this.#listeners.set(event, known);
  }
  deliver(event: string, params: Params): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(params as Params & Record<string, never>);
  }
}

class Connection {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  readonly sessions = new Map<string | undefined, Session>();
  #next = 1;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data))));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('the browser is gone'));
    });
  }
  send(method: string, params: Params, sessionId: string | undefined): Promise<unknown> {
    const id = this.#next++;
    const pending = Promise.withResolvers<unknown>();
    // Nobody may wait for it: an answer that comes after a page has gone is of no interest.
    pending.promise.catch(() => {});
    this.#pending.set(id, pending);
    this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    return pending.promise;
  }
  #receive(message: {
    id?: number;
    sessionId?: string;
    method?: string;
    params?: Params;
    result?: unknown;
    error?: { message: string };
  }): void {
    if (message.id === undefined)
      return this.sessions.get(message.sessionId)?.deliver(message.method ?? '', message.params ?? {});
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.error === undefined) pending?.resolve(message.result);
    else pending?.reject(new Error(message.error.message));
  }
}

export interface Chromium {
  readonly browser: Session;
  readonly address: string;
  attach(targetId: string): Promise<Session>;
  kill(): void;
}

const ARGS = [
  '--headless=new',
  '--remote-debugging-port=0',
  '--no-startup-window',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-gpu',
  '--disable-dev-shm-usage',
];

/** Starts Chromium with a profile of its own; without its sandbox only where it has none, as root. */
export async function startChromium(profile: string): Promise<Chromium> {
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const program = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
  const child: ChildProcess = spawn(program, [...ARGS, ...root, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (child.stderr === null) throw new Error('no stderr');
  const address = await new Promise<string>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`Chromium ended with ${code}`)));
    createInterface({ input: child.stderr as NonNullable<typeof child.stderr> }).on('line', (line) => {
      const found = /^DevTools listening on (ws:\S+)/.exec(line);
      if (found?.[1] !== undefined) resolve(found[1]);
    });
  });
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  const connection = new Connection(socket);
  const browser = new Session(connection, undefined);
  connection.sessions.set(undefined, browser);
  return {
    browser,
    address,
    attach: async (targetId) => {
      const { sessionId } = await browser.send<{ sessionId: string }>('Target.attachToTarget', {
        targetId,
        flatten: true,
      });
      const session = new Session(connection, sessionId);
      connection.sessions.set(sessionId, session);
      return session;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
