import { create } from 'zustand';
import { type ManifestInfo } from '../../engine/contract/api.ts';
import { type EngineClient, createClient } from '../../engine/contract/client.ts';
import { type EngineStatus } from '../../engine/contract/models.ts';
import { type Bridge, Refused } from '../bridge/bridge.ts';
import { watchSilence } from './silence.ts';

/**
 * `silent`: connected, but nothing comes. `lost`: was there, is being looked for. `refused`: this page will not be let in.
 * `since` is when the state began, wall-clock ms.
 */
export interface Connection {
  readonly state: 'connecting' | 'open' | 'silent' | 'lost' | 'refused';
  readonly since: number;
  readonly why: string;
  readonly client: EngineClient | null;
  /** Which engine this is; another after a restart, with an event log of its own. */
  readonly engine: string;
  readonly status: EngineStatus | null;
  readonly manifests: readonly ManifestInfo[];
  readonly host: Bridge['host'];
}

export const useConnection = create<Connection>()(() => ({
  state: 'connecting',
  since: Date.now(),
  why: '',
  client: null,
  engine: '',
  status: null,
  manifests: [],
  host: 'browser',
}));

/**
 * What runs for as long as one connection lives, such as following a stream. `engine` names the engine at the other
 * end. It ends by itself when the signal aborts; what it throws is told in the console and ends only itself.
 */
export type Follower = (client: EngineClient, signal: AbortSignal, engine: string) => Promise<void>;
const followers = new Set<Follower>();
let current: { readonly client: EngineClient; readonly signal: AbortSignal; readonly engine: string } | undefined;

/** Follows something on this connection and on every later one, until disposed. */
export function follow(follower: Follower): Disposable {
  const own = new AbortController();
  const scoped: Follower = (client, signal, engine) => follower(client, AbortSignal.any([signal, own.signal]), engine);
  followers.add(scoped);
  if (current !== undefined) launch(scoped, current);
  return {
    [Symbol.dispose]: () => {
      followers.delete(scoped);
      own.abort();
    },
  };
}

function launch(follower: Follower, { client, signal, engine }: NonNullable<typeof current>): void {
  follower(client, signal, engine).catch((error: unknown) => {
    if (!signal.aborted) console.error(error);
  });
}

/** Reads the status anew; the streams tell most of it, this tells the rest (routes, open records, watchdog). */
export async function refreshStatus(): Promise<void> {
  const { client } = useConnection.getState();
  if (client === null) return;
  const status = await client.query('status', {});
  if (useConnection.getState().client === client) useConnection.setState({ status });
}

/** Ids of the undo records that are not closed; undefined when a damaged journal may have lost the very ones that are asked for. */
export const openRecords = (status: EngineStatus | null): ReadonlySet<string> | undefined =>
  status === null || status.damage.length > 0 ? undefined : new Set(status.open.map(({ id }) => id));

/** The client, or a rejection in plain words when there is no engine to speak to. */
export function engine(): EngineClient {
  const { client } = useConnection.getState();
  if (client === null)
    throw new Error('The engine is not connected. The room goes on by itself as soon as it is back.');
  return client;
}

/** The longest pause between two attempts, milliseconds: short, because a room is waiting. */
const LONGEST_PAUSE = 2_000;

/** Connects, follows, and connects again for ever. */
export async function stayConnected(bridge: Bridge): Promise<void> {
  const enter = (state: Connection['state'], why = '', since = Date.now()): void => {
    const before = useConnection.getState();
    useConnection.setState({ state, why, since: before.state === state ? before.since : since });
  };
  const silence = (since: number | undefined): void => {
    const { state } = useConnection.getState();
    if (since !== undefined && state === 'open')
      enter('silent', 'The connection stands, but nothing comes through it.', since);
    if (since === undefined && state === 'silent') enter('open');
  };
  useConnection.setState({ host: bridge.host });
  for (let pause = 100; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      const opened = (): void => {
        pause = 100;
        enter('open');
      };
      await oneConnection(bridge, opened, silence);
      enter('lost', 'The connection to the engine broke. Looking for it …');
    } catch (error) {
      if (error instanceof Refused) return enter('refused', error.message);
      const ever = useConnection.getState().engine !== '';
      enter(
        ever ? 'lost' : 'connecting',
        ever ? 'The engine does not answer. Looking for it …' : 'Looking for the engine …',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Resolves when the connection has ended; rejects when it never began. `silence`: see `watchSilence`. */
async function oneConnection(
  bridge: Bridge,
  opened: () => void,
  silence: (since: number | undefined) => void,
): Promise<void> {
  const ended = new AbortController();
  // Frames come ten times a second once there is a reader, and there always is.
  const port = watchSilence(await bridge.open(AbortSignal.timeout(10_000)), silence, ended.signal);
  const client = createClient(port);
  void client.closed.then(() => ended.abort());
  try {
    const [status, manifests] = await Promise.all([client.query('status', {}), client.query('manifests', {})]);
    const engine = `${status.pid}-${status.startedAt}`;
    current = { client, signal: ended.signal, engine };
    useConnection.setState({ client, engine, status, manifests });
    opened();
    for (const follower of followers) launch(follower, current);
    await client.closed;
  } finally {
    current = undefined;
    ended.abort();
    client.close();
    useConnection.setState({ client: null });
  }
}
