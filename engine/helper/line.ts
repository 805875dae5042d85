import { lstatSync, type Stats } from 'node:fs';
import { z } from 'zod';
import { type Client, clientOf } from '../contract/client.ts';
import { type Port } from '../contract/envelope.ts';
import { helperApi } from '../contract/helper.ts';
import { type Capability } from '../contract/models.ts';
import { faultId, type FaultId } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { errnoOf, FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FaultManifest, type InjectContext, type Injector } from '../kernel/fault.ts';
import { HEARTBEAT, LEASE } from '../lifecycle/models.ts';
import { within } from '../lifecycle/waiting.ts';
import { connectUnix } from '../transport/unix.ts';

/** The command that enables what needs root, for messages. */
export const ENABLE = 'sudo firebreak helper';
/** Tells a file from another of the same name. */
const markOf = ({ dev, ino, ctimeMs }: Stats): string => `${dev}:${ino}:${ctimeMs}`;
/** A helper that lives says its name at once; a busy machine takes some seconds. Milliseconds. */
const GREETS_WITHIN = 5_000;

/** This engine's line to the helper. It is opened when the first fault needs it, and again when the helper has been started anew. */
export class HelperLine implements Disposable {
  readonly #address: string;
  readonly #clock: Clock;
  readonly #heard = new Map<FaultId, (detail: string) => void>();
  #client: Promise<Client<typeof helperApi>> | undefined;
  #beat: Disposable | undefined;
  /** The socket of a helper that has ended without removing it. */
  #left = '';

  constructor(address: string, clock: Clock) {
    this.#address = address;
    this.#clock = clock;
  }

  /** Why there is no helper, or ''. Only looks at its socket: whether it answers is seen when it is asked, and remembered for this socket. */
  get absent(): string {
    const socket = lstatSync(this.#address, { throwIfNoEntry: false });
    if (socket === undefined) return `it needs root, and no helper is there to do it (${ENABLE})`;
    return markOf(socket) === this.#left ? `it needs root, and the helper has ended (${ENABLE})` : '';
  }

  /** Why nobody does what needs root, or ''; and what the helper can do, as it has tried just now. */
  async rootHere(): Promise<{ readonly none: string; readonly helper: readonly Capability[] | null }> {
    if (this.absent !== '') return { none: this.absent, helper: null };
    try {
      return { none: '', helper: await (await this.client()).query('capabilities', {}) };
    } catch (error) {
      return { none: this.absent || `it needs root, and ${messageOf(error)}`, helper: null };
    }
  }

  /** @throws FirebreakError `helper-gone`. */
  async client(): Promise<Client<typeof helperApi>> {
    this.#client ??= this.#open();
    try {
      return await this.#client;
    } catch (error) {
      this.#client = undefined;
      throw new FirebreakError('helper-gone', `the helper does not answer, ${ENABLE} starts it again: ${messageOf(error)}`, { hint: `Start it: ${ENABLE}`, cause: error });
    }
  }

  /** Tells what the helper says of a fault, until the signal aborts. */
  hear(fault: FaultId, signal: AbortSignal, told: (detail: string) => void): void {
    this.#heard.set(fault, told);
    signal.addEventListener('abort', () => this.#heard.delete(fault), { once: true });
  }

  [Symbol.dispose](): void {
    this.#beat?.[Symbol.dispose]();
    void this.#client?.then((client) => client.close()).catch(() => {});
  }

  /** A socket that nobody listens at any more is never listened at again: who starts anew makes a new one. */
  async #connect(): Promise<Port> {
    try {
      return await connectUnix(this.#address);
    } catch (error) {
      const socket = lstatSync(this.#address, { throwIfNoEntry: false });
      if (socket !== undefined && errnoOf((error as Error).cause) === 'ECONNREFUSED') this.#left = markOf(socket);
      throw error;
    }
  }

  async #open(): Promise<Client<typeof helperApi>> {
    const client = clientOf(helperApi, await this.#connect());
    await within(this.#clock, this.#clock.now() + GREETS_WITHIN, 'its greeting', client.query('about', { pid: process.pid })).catch((error: unknown) => {
      client.close();
      throw error;
    });
    const injected = client.stream('injected', {});
    const listen = async (): Promise<void> => {
      for await (const { fault, detail } of injected) this.#heard.get(fault)?.(detail);
    };
    listen().catch(() => {}); // the line has closed, which is heard below
    this.#beat?.[Symbol.dispose]();
    let heard = this.#clock.now();
    this.#beat = this.#clock.every(HEARTBEAT, () => {
      // Deaf: stopped, perhaps. Its watchdog has reverted everything by now, and whoever waits for an answer waits in vain.
      if (this.#clock.now() - heard > LEASE) return client.close('it does not answer');
      client.command('beat', {}).then(() => (heard = this.#clock.now()), () => {});
    });
    void client.closed.then(() => {
      this.#client = undefined;
      this.#beat?.[Symbol.dispose]();
    });
    return client;
  }
}

/** What the engine's own journal keeps of a fault that the helper holds. */
const handle = z.strictObject({ helper: faultId });
type Handle = z.infer<typeof handle>;
const isHandle = (undo: unknown): undo is Handle => handle.safeParse(undo).success;

/**
 * The same fault type, done by the helper where its parameters need root. What the helper holds is in its journal; the
 * engine's own has the number alone, by which whoever recovers asks the helper again.
 */
export function throughHelper(local: Injector, manifest: FaultManifest, line: HelperLine): Injector {
  const usual = manifest.params.safeParse({}).data;
  /** Without parameters: whether it is needed as a rule. */
  const needed = (params: Record<string, unknown> | undefined = usual): boolean =>
    params !== undefined && manifest.needsRoot?.(params) === true && local.ownRights?.(params) !== true;
  return {
    undo: z.union([handle, local.undo]),
    unavailable: (params) => local.unavailable(params) || (needed(params) ? line.absent : ''),
    plan: async (request, signal) => {
      if (!needed(request.params)) return local.plan(request, signal);
      const { run, policy, type, target, params, seed, hold } = request;
      const routes = request.routes.map(({ name, protocol, listen, upstream }) => ({ name, protocol, listen, upstream }));
      const plans = await (await line.client()).query('plan', { run, policy, type, target, params: written(manifest, params), seed, hold, routes }, signal);
      return plans.map(({ fault, ...plan }) => ({ ...plan, undo: { helper: fault } satisfies Handle }));
    },
    inject: async (undo, context) => {
      if (!isHandle(undo)) return local.inject(undo, context);
      line.hear(undo.helper, context.signal, (detail) => context.injected(detail));
      await (await line.client()).command('inject', { fault: undo.helper }, context.signal);
    },
    verify: async (undo, context: InjectContext<Record<string, unknown>, unknown>) =>
      isHandle(undo) ? await (await line.client()).query('verify', { fault: undo.helper }) : local.verify(undo, context),
    revert: async (undo) => {
      if (!isHandle(undo)) return local.revert(undo);
      await (await line.client()).command('revert', { fault: undo.helper });
    },
    fingerprint: async (undo) => (isHandle(undo) ? await (await line.client()).query('fingerprint', { fault: undo.helper }) : local.fingerprint(undo)),
  };
}

/** Parameters as a file would say them: what was read as milliseconds is written with its unit again. */
function written({ params: { shape } }: FaultManifest, params: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const unitOf = (name: string): unknown => (shape[name] as z.ZodType | undefined)?.meta()?.['unit'];
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, unitOf(name) === 'ms' ? `${String(value)}ms` : value]));
}
