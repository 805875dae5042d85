import { z } from 'zod';
import { EXIT, FirebreakError } from '../kernel/errors.ts';
import { type Api, type Call, type Stream, api } from './api.ts';
import {
  MAX_REPLY_CHARS, MAX_REQUEST_CHARS, type Port, type Reply, type Request, decode, encode, fromWireError, parseFor, reply,
} from './envelope.ts';
import { ItemQueue, LatestItem } from './items.ts';

type Input<C extends { input: z.ZodType }> = z.input<C['input']>;

/** An engine as its caller sees it, whatever lies between. Inputs are checked before sending, outputs on arrival. */
export interface Client<A extends Api> extends Disposable {
  /** Rejects with the engine's FirebreakError, `disconnected` when the port closes, or the signal's reason. */
  query<N extends keyof A['queries']>(
    name: N, input: Input<A['queries'][N]>, signal?: AbortSignal,
  ): Promise<z.output<A['queries'][N]['output']>>;
  command<N extends keyof A['commands']>(
    name: N, input: Input<A['commands'][N]>, signal?: AbortSignal,
  ): Promise<z.output<A['commands'][N]['output']>>;
  /**
   * Subscribes at once, so that nothing that happens after the call is missed. Iteration ends when the engine ends the
   * stream, when the reader leaves the loop, and quietly when the signal aborts; it throws what the engine threw.
   */
  stream<N extends keyof A['streams']>(
    name: N, input: Input<A['streams'][N]>, signal?: AbortSignal,
  ): AsyncIterableIterator<z.output<A['streams'][N]['item']>>;
  /** Resolves with the reason when the connection ends. */
  readonly closed: Promise<string>;
  close(why?: string): void;
}
export type EngineClient = Client<typeof api>;

/** How many items of a lossless stream may be on their way. */
const WINDOW = 256;

export interface ClientLimits {
  readonly request: number;
  readonly reply: number;
}
const LIMITS: ClientLimits = { request: MAX_REQUEST_CHARS, reply: MAX_REPLY_CHARS };

interface Pending {
  readonly onReply: (message: Reply) => void;
  readonly onLost: (error: FirebreakError) => void;
}

/** A client of the engine's own contract. The port belongs to it from now on. */
export const createClient = (port: Port): EngineClient => clientOf(api, port);

/** A client of any api over a port. */
export function clientOf<A extends Api>(served: A, port: Port, limits = LIMITS): Client<A> {
  const pending = new Map<number, Pending>();
  const { promise: closed, resolve: markClosed } = Promise.withResolvers<string>();
  let lost: FirebreakError | undefined;
  let nextId = 1;

  port.onClose((why) => {
    lost = new FirebreakError('disconnected', `the connection to the engine ended: ${why}`, {
      hint: 'Start again; `firebreak recover` shows whether anything was left behind.',
    });
    for (const { onLost } of [...pending.values()]) onLost(lost);
    pending.clear();
    markClosed(why);
  });
  port.onMessage((text) => {
    const message = decode(reply, text, limits.reply);
    if (message === undefined) return port.close('the engine sent something that is not a message');
    pending.get(message.id)?.onReply(message);
  });
  const send = (message: Request): void => port.send(encode(message, limits.request));

  const call = (kind: 'query' | 'command', name: string, spec: Call | undefined, raw: unknown, signal?: AbortSignal) =>
    new Promise<unknown>((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      if (lost !== undefined) return reject(lost);
      const known = expectKnown(spec, name);
      // The parsed value could hold a transform's result; the engine wants what the caller wrote.
      parseFor(known.input, raw, 'invalid-input', name);
      const id = nextId++;
      send({ id, kind, name, input: raw });
      const cancel = (): void => {
        finish();
        send({ id, kind: 'cancel' });
        reject(signal?.reason);
      };
      const finish = (): void => {
        pending.delete(id);
        signal?.removeEventListener('abort', cancel);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      const settle = (message: Reply): void => {
        finish();
        try {
          if (message.kind === 'error') throw fromWireError(message.error);
          if (message.kind !== 'result') throw outOfPlace(message.kind, name);
          resolve(parseFor(known.output, message.value, 'invalid-output', name));
        } catch (error) {
          reject(error);
        }
      };
      pending.set(id, { onReply: settle, onLost: (error) => (finish(), reject(error)) });
    });

  const stream = (name: string, spec: Stream | undefined, raw: unknown, signal?: AbortSignal): AsyncIterableIterator<unknown> => {
    const known = expectKnown(spec, name);
    parseFor(known.input, raw, 'invalid-input', name);
    const id = nextId++;
    const more = (count: number): void => {
      if (pending.has(id)) send({ id, kind: 'more', credit: count });
    };
    const window = known.window ?? WINDOW;
    const items = known.delivery === 'every' ? new ItemQueue<unknown>(window / 2, more) : new LatestItem<unknown>(more);
    const forget = (): boolean => {
      signal?.removeEventListener('abort', leave);
      return pending.delete(id);
    };
    const leave = (): void => {
      if (forget()) send({ id, kind: 'cancel' });
      items.end();
    };
    if (lost !== undefined) items.fail(lost);
    else if (signal?.aborted === true) items.end();
    else {
      const settle = (message: Reply): void => {
        try {
          if (message.kind === 'item') return items.push(parseFor(known.item, message.value, 'invalid-output', name));
          if (message.kind === 'error') throw fromWireError(message.error);
          if (message.kind === 'result') throw outOfPlace(message.kind, name);
          forget();
          items.finish();
        } catch (error) {
          items.fail(error);
          if (forget() && message.kind === 'item') send({ id, kind: 'cancel' });
        }
      };
      pending.set(id, { onReply: settle, onLost: (error) => (forget(), items.fail(error)) });
      signal?.addEventListener('abort', leave, { once: true });
      send({ id, kind: 'subscribe', name, input: raw, credit: known.delivery === 'every' ? window : 1 });
    }
    return items.reader(leave);
  };

  const close = (why = 'closed by the client'): void => port.close(why);
  return {
    query: (name, input, signal) => call('query', String(name), served.queries[String(name)], input, signal),
    command: (name, input, signal) => call('command', String(name), served.commands[String(name)], input, signal),
    stream: (name, input, signal) => stream(String(name), served.streams[String(name)], input, signal),
    closed,
    close,
    [Symbol.dispose]: () => close(),
  } as Client<A>;
}

function expectKnown<T>(spec: T | undefined, name: string): T {
  if (spec !== undefined) return spec;
  throw new FirebreakError('unknown-operation', `the engine has no operation ${name}`, { exitCode: EXIT.usage });
}
const outOfPlace = (kind: string, name: string): FirebreakError =>
  new FirebreakError('protocol', `the engine answered ${name} with a message of kind ${kind}`);
