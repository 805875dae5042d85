import { type Api, type Call, type Handlers, type Stream } from '../contract/api.ts';
import {
  MAX_REPLY_CHARS, MAX_REQUEST_CHARS, type Port, type Reply, type Request, decode, encode, parseFor, request, toWireError,
} from '../contract/envelope.ts';
import { EXIT, FirebreakError } from '../kernel/errors.ts';

export interface DispatchLimits {
  /** Longest message taken and given, in characters. */
  readonly request: number;
  readonly reply: number;
  /** Calls and streams of one port under way at once. */
  readonly calls: number;
}
const LIMITS: DispatchLimits = { request: MAX_REQUEST_CHARS, reply: MAX_REPLY_CHARS, calls: 4_096 };

/** Handlers without their types: what comes in was validated by the same schema that typed them. */
interface AnyHandlers {
  readonly queries: AnyCalls;
  readonly commands: AnyCalls;
  readonly streams: Readonly<Record<string, (input: unknown, signal: AbortSignal) => AsyncIterable<unknown>>>;
}
type AnyCalls = Readonly<Record<string, (input: unknown, signal: AbortSignal) => Promise<unknown>>>;

interface Job {
  readonly stop: AbortController;
  /** Streams only: how many items the reader can take. */
  readonly credit: Credit | undefined;
}

/**
 * Serves an api over one port until it closes; then every call under way is aborted. What is not a message, or reuses
 * an id that is under way, ends the connection: the other end is not a client.
 * @returns a handle that closes the port.
 */
export function serve<A extends Api>(served: A, handlers: Handlers<A>, port: Port, limits: Partial<DispatchLimits> = {}): Disposable {
  const limit = { ...LIMITS, ...limits };
  const handled = handlers as unknown as AnyHandlers;
  const jobs = new Map<number, Job>();
  const send = (message: Reply): void => {
    try {
      port.send(encode(message, limit.reply));
    } catch (error) {
      // Too large, or a value that JSON cannot hold: the caller must hear of it, or it waits for ever.
      jobs.get(message.id)?.stop.abort(error);
      port.send(encode({ id: message.id, kind: 'error', error: toWireError(error) }, limit.reply));
    }
  };
  const start = (message: Request & { name: string; input: unknown }): void => {
    if (jobs.has(message.id)) return port.close(`message id ${message.id} is already in use`);
    const stop = new AbortController();
    const job: Job = { stop, credit: message.kind === 'subscribe' ? new Credit(message.credit, stop.signal) : undefined };
    const work = jobs.size >= limit.calls ? Promise.reject(tooMany(limit.calls)) : run(message, job);
    jobs.set(message.id, job);
    const finish = (last: Reply | undefined): void => {
      if (last !== undefined && !job.stop.signal.aborted) send(last);
      jobs.delete(message.id);
    };
    work.then(finish, (error: unknown) => finish({ id: message.id, kind: 'error', error: toWireError(error) }));
  };
  const run = async ({ id, kind, name, input }: Request & { name: string; input: unknown }, job: Job): Promise<Reply> => {
    const signal = job.stop.signal;
    if (kind === 'subscribe') {
      const spec = lookUp<Stream>(served.streams, name);
      const source = lookUp(handled.streams, name)(parseFor(spec.input, input, 'invalid-input', name), signal);
      const items = until(source, (item) => parseFor(spec.item, item, 'invalid-output', name), signal);
      const give = (value: unknown): void => {
        if (!signal.aborted) send({ id, kind: 'item', value });
      };
      await (spec.delivery === 'every' ? giveEvery : giveLatest)(items, job.credit ?? new Credit(1, signal), give);
      return { id, kind: 'end' };
    }
    const group = kind === 'query' ? 'queries' : 'commands';
    const spec = lookUp<Call>(served[group], name);
    const handler = lookUp(handled[group], name);
    const value = await handler(parseFor(spec.input, input, 'invalid-input', name), signal);
    return { id, kind: 'result', value: parseFor(spec.output, value, 'invalid-output', name) };
  };

  port.onClose((why) => {
    for (const { stop } of jobs.values()) stop.abort(new FirebreakError('disconnected', `the caller left: ${why}`));
    jobs.clear();
  });
  port.onMessage((text) => {
    const message = decode(request, text, limit.request);
    if (message === undefined) return port.close('not a message of the contract, or too large');
    switch (message.kind) {
      case 'more':
        return jobs.get(message.id)?.credit?.add(message.credit);
      case 'cancel':
        return jobs.get(message.id)?.stop.abort(new FirebreakError('cancelled', 'the caller cancelled', { exitCode: EXIT.aborted }));
      case 'query':
      case 'command':
      case 'subscribe':
        return start(message);
    }
  });
  return { [Symbol.dispose]: () => port.close('the engine stopped serving') };
}

type Give = (item: unknown) => void;

/** Takes an item only when the reader can take it: a slow reader slows the source, and nothing is left out. */
async function giveEvery(items: AsyncIterable<unknown>, credit: Credit, give: Give): Promise<void> {
  for await (const item of items) {
    await credit.spend();
    give(item);
  }
}

/** Takes every item at once and gives the newest whenever the reader is ready. */
async function giveLatest(items: AsyncIterable<unknown>, credit: Credit, give: Give): Promise<void> {
  let newest: { readonly item: unknown } | undefined;
  let giving: Promise<void> | undefined;
  const giveOne = async (): Promise<void> => {
    await credit.spend();
    if (newest !== undefined) give(newest.item);
    newest = undefined;
    giving = undefined;
  };
  for await (const item of items) {
    newest = { item };
    giving ??= giveOne();
  }
  await giving;
}

/** The source's items, each validated, until it ends or the signal aborts; never waits for a source that ignores the signal. */
async function* until(source: AsyncIterable<unknown>, parse: (item: unknown) => unknown, signal: AbortSignal) {
  const iterator = source[Symbol.asyncIterator]();
  // One listener for the whole stream: racing each item against one promise would keep every item's reaction alive.
  let stop = (): void => {};
  const stopped = (): void => stop();
  signal.addEventListener('abort', stopped, { once: true });
  try {
    while (!signal.aborted) {
      const next = await new Promise<IteratorResult<unknown>>((resolve, reject) => {
        stop = () => resolve({ done: true, value: undefined });
        iterator.next().then(resolve, reject);
      });
      if (next.done === true) return;
      yield parse(next.value);
    }
  } finally {
    signal.removeEventListener('abort', stopped);
    iterator.return?.().catch(() => {});
  }
}

/** How many more items a reader can take. */
class Credit {
  #left: number;
  #wake = (): void => {};
  readonly #signal: AbortSignal;

  constructor(initial: number, signal: AbortSignal) {
    this.#left = initial;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake(), { once: true });
  }
  add(count: number): void {
    this.#left += count;
    this.#wake();
  }
  /** Resolves when one has been spent, or at once when the signal aborts. */
  async spend(): Promise<void> {
    while (this.#left === 0 && !this.#signal.aborted) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#left -= 1;
  }
}

/** Own members only: `constructor` is not an operation. */
function lookUp<T>(members: Readonly<Record<string, T>>, name: string): T {
  const found = Object.hasOwn(members, name) ? members[name] : undefined;
  if (found !== undefined) return found;
  throw new FirebreakError('unknown-operation', `the engine has no operation ${JSON.stringify(name)}`, {
    hint: 'Both ends must be of the same Firebreak version.',
    exitCode: EXIT.usage,
  });
}
const tooMany = (limit: number): FirebreakError =>
  new FirebreakError('too-many-calls', `more than ${limit} calls are under way on this connection`, { hint: 'Wait for some to end.' });
