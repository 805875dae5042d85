import assert from 'node:assert/strict';
import { BUSY_MACHINE, eventually, NOTHING_LEFT } from '../../crash/harness.ts';

/** Where the clients of a scene connect to. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** `host:port` */
  readonly address: string;
  /** What clients in TLS have to trust, as PEM. */
  readonly ca: string;
}

/** One protocol: a real server, real clients that reconnect as their libraries do, and what must be true when the engine has died. */
export interface Scene extends AsyncDisposable {
  /** What the route says besides its name and address, in YAML. */
  readonly route: string;
  /** The policies, by name, in YAML without it and without their route. One whose name begins with `held` never lets go of what it meets. */
  readonly policies: Readonly<Record<string, string>>;
  /** Every fault is seen by a client, or holds something. Returns when that is so, with work half done. */
  struck(at: Place): Promise<void>;
  /** The engine is dead: the same clients go on, no fault strikes them, and nothing half done is left, on the server either. */
  goesOn(): Promise<void>;
}

/** How long something may take that has to happen after the engine's death, in milliseconds. */
const WITHIN = NOTHING_LEFT + BUSY_MACHINE;

/** Waits until this is so. Whoever finds the address closed for a moment says no by throwing. */
export async function soon(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  let last: unknown;
  const holds = async (): Promise<boolean> => {
    try {
      return await condition();
    } catch (error) {
      last = error;
      return false;
    }
  };
  await eventually(what, holds, WITHIN, () => (last === undefined ? '' : String(last)));
}

/** What it resolves with once it does, tried again as an application would. */
export async function again<T>(what: string, work: () => Promise<T>): Promise<T> {
  const got: T[] = [];
  await soon(what, async () => got.push(await work()) > 0);
  return got[0] as T;
}

/** What a promise fails with, asked for later: so that a failure that comes first is no unhandled one. */
export function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    (value) => new Error(`expected a failure, got ${JSON.stringify(value)}`),
    (error: Error) => error,
  );
}
/** The engine's death is what it failed with, in the words of one client or another. */
export function assertCut({ name, message }: Error): void {
  assert.match(`${name} ${message}`, /closed|ECONNRESET|ECONNREFUSED|terminat|hang up|socket/i);
  assert.doesNotMatch(message, /^expected a failure/);
}
