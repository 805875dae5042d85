import type { Server } from 'node:net';
import { later } from '../kernel/precise-timer.ts';
import type { Address } from './address.ts';

/** Connections the kernel may queue while the loop is busy; the same as Node's own default (net.Server.listen). */
const BACKLOG = 511;
/** A port that was given up is tried again so often, in milliseconds; after `TRIES` failures it is said, and tried more seldom. */
const SOON = 50;
const TRIES = 10;
const SELDOM = 250;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The listening socket of a route, which can be shut for a while: connections are then refused, as by a stopped server.
 * The port is free meanwhile, because nothing in Node holds one without accepting; if somebody else takes it, that is
 * told, and it is taken back once it is free.
 */
export class Door {
  readonly #make: () => Server;
  readonly #reusePort: boolean;
  readonly #failed: (error: unknown) => void;
  #at: Address;
  #server: Server | undefined;
  #wanted = true;
  #opening = false;
  #failures = 0;
  #retry: Disposable | undefined;
  #waiting: Waiting[] = [];

  /**
   * @param make a server that does not listen yet; called for each opening.
   * @param failed hears that it could not be opened again, unless somebody waits for it.
   */
  constructor(at: Address, reusePort: boolean, make: () => Server, failed: (error: unknown) => void) {
    this.#at = at;
    this.#reusePort = reusePort;
    this.#make = make;
    this.#failed = failed;
  }

  /** Opens it for the first time; returns the port. Throws what the system says. */
  async open(): Promise<number> {
    this.#server = await this.#listen();
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#at = { ...this.#at, port: address.port };
    return this.#at.port;
  }
  /** Shuts it at once, or begins to open it again; see `settled`. */
  want(open: boolean): void {
    if (open === this.#wanted) return;
    this.#wanted = open;
    this.#failures = 0;
    if (open) this.#reopen();
    else this.#shut();
  }
  /** Resolves when it is as wanted; throws when the port cannot be had. */
  settled(): Promise<void> {
    if (!this.#wanted || this.#server !== undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#reopen();
    });
  }
  /** Shuts it for good. */
  close(): void {
    this.#wanted = false;
    this.#shut();
  }

  #shut(): void {
    this.#retry?.[Symbol.dispose]();
    this.#server?.close();
    this.#server = undefined;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
  #reopen(): void {
    this.#retry?.[Symbol.dispose]();
    if (this.#opening || !this.#wanted || this.#server !== undefined) return;
    this.#opening = true;
    this.#listen().then(
      (server) => {
        this.#opening = false;
        if (!this.#wanted) return void server.close();
        this.#server = server;
        for (const { resolve } of this.#waiting.splice(0)) resolve();
      },
      (error: unknown) => {
        this.#opening = false;
        if (!this.#wanted) return;
        this.#failures++;
        this.#retry = later(this.#failures < TRIES ? SOON : SELDOM, () => this.#reopen());
        if (this.#failures < TRIES) return;
        const waiting = this.#waiting.splice(0);
        for (const { reject } of waiting) reject(error);
        if (waiting.length === 0 && this.#failures === TRIES) this.#failed(error);
      },
    );
  }
  #listen(): Promise<Server> {
    const { host, port } = this.#at;
    return new Promise((resolve, reject) => {
      const server = this.#make();
      server.once('error', reject);
      server.listen({ port, ...(host === '' ? {} : { host }), backlog: BACKLOG, reusePort: this.#reusePort }, () => {
        server.off('error', reject);
        resolve(server);
      });
    });
  }
}
