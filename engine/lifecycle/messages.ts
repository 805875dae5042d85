import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { processMark } from '../store/journal-record.ts';

/** A listening address and where its bytes go, both `host:port`; and the whole route where more than that is to be done. */
export const routeMark = z.object({
  name: z.string().max(200),
  listen: z.string().max(300),
  upstream: z.string().max(300),
  /** As the contract has it; without secrets: files are named by their paths. */
  route: z.record(z.string(), z.unknown()).optional(),
});
export type RouteMark = z.infer<typeof routeMark>;

const routes = z.array(routeMark).max(1_024);
const by = z.string().max(200);

/**
 * What HALT did to one fault. `silenced`: it no longer acts, but only its own engine can take it out, and has not yet.
 */
export const haltOutcome = z.object({
  id: z.string(),
  policy: z.string(),
  type: z.string(),
  target: z.string(),
  outcome: z.enum(['reverted', 'silenced', 'unconfirmed']),
  note: z.string(),
});
export type HaltOutcome = z.infer<typeof haltOutcome>;

/** What an engine, or a command, says to the watchdog. */
export const toWatchdog = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hello'), owner: processMark, routes }),
  z.object({ kind: z.literal('beat'), routes }),
  /** An orderly end: nothing is to be taken over. */
  z.object({ kind: z.literal('bye') }),
  /** Stop standing in at these addresses; empty means all. */
  z.object({ kind: z.literal('release'), listen: z.array(z.string().max(300)).max(1_024) }),
  z.object({ kind: z.literal('halt'), by }),
]);
export type ToWatchdog = z.infer<typeof toWatchdog>;

/** What the watchdog answers. */
export const fromWatchdog = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready'), pid: z.int() }),
  z.object({ kind: z.literal('ack') }),
  z.object({ kind: z.literal('lease-lost'), why: z.string() }),
  z.object({ kind: z.literal('released') }),
  z.object({ kind: z.literal('halted'), tookMs: z.number(), faults: z.array(haltOutcome) }),
]);
export type FromWatchdog = z.infer<typeof fromWatchdog>;

/** What the sentinel thread of an engine hears and answers. */
export const toSentinel = z.object({ kind: z.literal('halt'), by, reason: z.enum(['halted', 'lease-lost']) });
export type ToSentinel = z.infer<typeof toSentinel>;
export const fromSentinel = z.object({ kind: z.literal('halted'), pid: z.int() });

/** A message is one line of JSON of at most so many characters; 1,024 routes fit. */
export const MAX_LINE = 1 << 22;

/** Hears one kind of message on a socket, one a line. Whoever sends anything else is cut off. */
export function hear<T>(socket: Socket, schema: z.ZodType<T>, heard: (message: T) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {}); // 'close' follows, and says what there is to say
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE || lines.some((line) => line.length > MAX_LINE)) return void socket.destroy();
    for (const line of lines) {
      const message = schema.safeParse(parse(line));
      if (!message.success) return void socket.destroy();
      heard(message.data);
    }
  });
}

export function say(
  socket: Socket,
  message: ToWatchdog | FromWatchdog | ToSentinel | z.infer<typeof fromSentinel>,
): void {
  if (!socket.destroyed && socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Opens a connection. Throws FirebreakError `no-answer` when nobody listens there. */
export function dial(address: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(address);
  socket.once('error', (error) =>
    reject(new FirebreakError('no-answer', `nobody listens at ${address}: ${messageOf(error)}`, { cause: error })),
  );
  socket.once('connect', () => resolve(socket));
  return promise;
}

/**
 * Asks one question and waits for the first answer that fits, at most `limit` milliseconds.
 * Throws FirebreakError `no-answer`.
 */
export async function ask<T>(
  clock: Clock,
  address: string,
  question: ToWatchdog | ToSentinel,
  answer: z.ZodType<T>,
  limit: number,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const late = new FirebreakError('no-answer', `no answer from ${address} within ${limit} ms`);
  promise.catch(() => {});
  using _timer = clock.after(limit, () => reject(late));
  const socket = await Promise.race([
    dial(address),
    promise.then((): never => {
      throw late;
    }),
  ]);
  try {
    hear(socket, z.unknown(), (message) => {
      const fits = answer.safeParse(message);
      if (fits.success) resolve(fits.data);
    });
    socket.once('close', () => reject(late));
    say(socket, question);
    return await promise;
  } finally {
    socket.destroy();
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
