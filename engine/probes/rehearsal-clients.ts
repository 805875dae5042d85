import { type Clock } from '../kernel/clock.ts';
import { createExchanger } from './exchange.ts';

/** One response as its client saw it; monotonic milliseconds. */
export interface Seen {
  readonly sent: number;
  /** When its last byte had come. */
  readonly at: number;
  /** Which path was asked for. */
  readonly path: string;
  /** Whether it was the answer of a healthy service, however late. */
  readonly ok: boolean;
}

/** Several customers of one address, each on a connection of its own that it keeps. */
export interface RehearsalClients extends AsyncDisposable {
  /** Everything seen since the start, in the order in which it came. */
  readonly seen: readonly Seen[];
}

const CLIENTS = 8;
/** Milliseconds from an answer to the next question: 8 clients then ask some 1,000 times a second, without pressing. */
const PAUSE = 5;
/** Milliseconds. */
const TIMEOUT = 2_000;

/** Starts them, as many for each path; they ask until disposed, which breaks off what they are waiting for. */
export function startRehearsalClients(base: string, paths: readonly string[], clock: Clock): RehearsalClients {
  const stop = new AbortController();
  const seen: Seen[] = [];
  const client = async (path: string): Promise<void> => {
    const url = new URL(path, base);
    using exchanger = createExchanger({ clock, secure: false });
    const request = { where: () => url, method: 'GET', headers: {}, body: '', timeout: TIMEOUT, wantBody: false };
    while (!stop.signal.aborted) {
      const answer = await exchanger.exchange(request, stop.signal);
      if (answer.kind === 'stopped') return;
      const ok = answer.kind === 'answered' && answer.status === 200;
      seen.push({ sent: answer.sent, at: answer.ended, path, ok });
      await clock.sleep(PAUSE, stop.signal).catch(() => {});
    }
  };
  const clients = Array.from({ length: CLIENTS }, (_, index) => client(paths[index % paths.length] ?? '/'));
  return {
    seen,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.all(clients);
    },
  };
}
