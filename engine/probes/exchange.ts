import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type Socket } from 'node:net';
import { type Clock } from '../kernel/clock.ts';
import { formatDuration } from '../kernel/durations.ts';
import { errnoOf, messageOf } from '../kernel/errors.ts';

/** At most this much of a body is read; the rest is cut off, so that a probe cannot be made to swallow a download. */
export const MAX_BODY = 1_048_576;

/**
 * Idle connections are given up after this many milliseconds: below the 5 s after which Node's own server closes them,
 * so that a poll is not sent into a connection that is just being closed.
 */
const IDLE_MS = 4_000;

/** Where to ask at this moment; a text says why there is nowhere to ask. */
export type WhereTo = () => URL | string;

export interface ExchangeRequest {
  readonly where: WhereTo;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Hard limit for the whole exchange, milliseconds. */
  readonly timeout: number;
  /** Whether the body is wanted as text; it is read to its end (or `maxBody`) either way. */
  readonly wantBody: boolean;
  /** Bytes; MAX_BODY when absent. */
  readonly maxBody?: number;
}

/** How an exchange ended. Times are monotonic milliseconds; latency runs to the last byte read. */
export type Exchange = { readonly sent: number; readonly ended: number } & (
  | Answered
  | { readonly kind: 'timed-out' | 'failed' | 'stopped'; readonly error: string }
);

interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly body: string;
  /** There was more of it than is read. */
  readonly cut: boolean;
}

/** A client that keeps its connections. Redirects are not followed: a 302 is the answer. */
export interface Exchanger extends Disposable {
  /** Never throws and never rejects. `stopped` = the signal ended it. */
  exchange(request: ExchangeRequest, signal: AbortSignal): Promise<Exchange>;
}

export interface ExchangerOptions {
  readonly clock: Clock;
  /** Whether it speaks TLS. */
  readonly secure: boolean;
  /** Told the connection of each exchange, hence the same one many times. */
  readonly onSocket?: ((socket: Socket) => void) | undefined;
}

/** Makes a client for one probe; disposing it closes its connections. */
export function createExchanger({ clock, secure, onSocket }: ExchangerOptions): Exchanger {
  const options = { keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo' } as const;
  const agent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  const send = secure ? httpsRequest : httpRequest;

  const exchange = (request: ExchangeRequest, signal: AbortSignal): Promise<Exchange> =>
    new Promise((resolve) => {
      const sent = clock.now();
      const end = (result: Ending): void => {
        deadline[Symbol.dispose]();
        signal.removeEventListener('abort', stop);
        resolve({ ...result, sent, ended: clock.now() });
      };
      // A promise settles once: whatever a destroyed request still reports is not heard.
      const give = (result: Ending): void => {
        end(result);
        outgoing?.destroy();
      };
      const deadline = clock.after(request.timeout, () =>
        give({ kind: 'timed-out', error: `timed out after ${formatDuration(request.timeout)}` }),
      );
      const stop = (): void => give({ kind: 'stopped', error: 'stopped' });
      let outgoing: ReturnType<typeof send> | undefined;
      if (signal.aborted) return stop();
      signal.addEventListener('abort', stop, { once: true });
      try {
        const { method, headers } = request;
        const url = request.where();
        if (typeof url === 'string') return end({ kind: 'failed', error: url });
        outgoing = send(url, { agent, method, headers: withLength(headers, request.body) }, (answer) =>
          read(answer, request, (failure, body, cut) => {
            if (failure !== '') give({ kind: 'failed', error: failure });
            else (cut ? give : end)({ kind: 'answered', status: answer.statusCode ?? 0, body, cut });
          }),
        );
        if (onSocket !== undefined) outgoing.once('socket', onSocket);
        outgoing.on('error', (error) => end({ kind: 'failed', error: plainError(error) }));
        outgoing.end(request.body);
      } catch (error) {
        // Such as a header that Node refuses to send, or a URL that is none.
        end({ kind: 'failed', error: plainError(error) });
      }
    });
  return { exchange, [Symbol.dispose]: () => agent.destroy() };
}

type Ending =
  | Answered
  | { readonly kind: 'timed-out' | 'failed' | 'stopped'; readonly error: string };

/** `failure` is '' for a good answer; `cut`: there was more of it than is read. */
type Done = (failure: string, body: string, cut: boolean) => void;

type Wanted = Pick<ExchangeRequest, 'wantBody' | 'maxBody'>;

/** Reads so much and no more. `done` may be called more than once; only the first call counts. */
function read(answer: IncomingMessage, { wantBody, maxBody = MAX_BODY }: Wanted, done: Done): void {
  const chunks: Buffer[] = [];
  let size = 0;
  const finish = (failure: string, cut: boolean): void => {
    answer.removeAllListeners('data');
    done(failure, wantBody ? Buffer.concat(chunks).subarray(0, maxBody).toString('utf8') : '', cut);
  };
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (wantBody) chunks.push(chunk);
    if (size > maxBody) finish('', true);
  });
  answer.on('end', () => finish('', false));
  // After `end` a close is the normal course; the promise has settled by then.
  answer.on('close', () => finish(answer.complete ? '' : 'connection broke off within the answer', false));
  answer.on('error', () => {});
}

function withLength(headers: Readonly<Record<string, string>>, body: string): Record<string, string> {
  return body === '' ? { ...headers } : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
}

const PLAIN: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed while sending',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name could not be looked up',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  EMFILE: 'this process has too many open files',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
};

/** A network error in a few plain words, at most 120 characters. */
export function plainError(error: unknown): string {
  const code = errnoOf(error);
  if (code.startsWith('HPE_')) return 'the answer is not valid HTTP';
  return PLAIN[code] ?? ((messageOf(error).split('\n')[0] ?? '') || code || 'failed').slice(0, 120);
}
