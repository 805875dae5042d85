import { type Dialect } from './reference.ts';
import { type Refusal } from './refusals.ts';

/** Where a server is. */
export interface Place {
  readonly dialect: Dialect;
  /** With whatever password it has: goes to the client library and nowhere else. */
  readonly url: URL;
  readonly host: string;
  readonly port: number;
  /** For people: `PostgreSQL 127.0.0.1:5432/shop`. */
  readonly name: string;
}

/** What the server itself sees to, so that nothing outlives a Firebreak that cannot: milliseconds. */
export interface Bounds {
  /** A session that does nothing for so long is ended, whether or not it is in a transaction. */
  readonly idle: number;
  readonly statement: number;
  readonly lock: number;
}

/** How many connections there are to be had. */
export interface Room {
  readonly max: number;
  /** Kept by the server for its administrators. */
  readonly kept: number;
  readonly used: number;
  /** Whether this role may use what is kept. */
  readonly admin: boolean;
}

export type Row = Readonly<Record<string, unknown>>;

/** One session of Firebreak's own. */
export interface Session {
  /** The server's number of it. */
  readonly id: number;
  /** One statement, never more. */
  run(sql: string): Promise<readonly Row[]>;
  /** The same after setting how long a lock may be waited for, milliseconds. */
  patience(lock: number): Promise<void>;
  /** True when it has ended, whoever ended it. */
  readonly lost: boolean;
  /** Ends it at once, without asking the server. */
  drop(): void;
}

/** What the two kinds of server do in ways of their own. */
export interface Server {
  readonly place: Place;
  /** Opens a session that can be found by its mark; `number` tells those of one mark apart. */
  open(mark: string, number: number, bounds: Bounds): Promise<Session>;
  room(session: Session): Promise<Room>;
  /** The sessions with this mark, by the server's own account. @param most how many there can be. */
  marked(session: Session, mark: string, most: number): Promise<readonly number[]>;
  /** Ends a session of the same role. */
  end(session: Session, id: number): Promise<void>;
  /** Fails when the table is not there, or the condition makes no sense. */
  readable(session: Session, table: string, where: string): Promise<void>;
  lockTable(session: Session, table: string, mode: 'all' | 'writes'): Promise<void>;
  /** @returns how many rows were locked. */
  lockRows(session: Session, table: string, where: string, rows: number): Promise<number>;
  /** How many locks on the table the sessions with this mark hold; null when the server does not tell. */
  locks(session: Session, mark: string, table: string): Promise<number | null>;
  /** Waits for the lock as an application would; changes nothing. */
  tryTable(session: Session, table: string, mode: 'all' | 'writes'): Promise<void>;
  tryRows(session: Session, table: string, where: string): Promise<void>;
  /** Something for the processor alone. @param size how much of it. */
  work(size: number): string;
  /** Whether it failed because a lock or a statement took too long. */
  waited(error: unknown): boolean;
  /** Whether it failed because no connection is free, or none yet: the server is coming up. */
  full(error: unknown): boolean;
  refusal(error: unknown): Refusal;
}

/** For so long a server waits for a word of Firebreak, whose machine may have lost its power or its network; milliseconds. */
export const IDLE = 20_000;
/** How often it hears one, milliseconds. */
export const WORD_EVERY = 5_000;
/** How long a server may take to greet, milliseconds. */
export const GREETS_WITHIN = 5_000;
/** How long to wait in the canary before a lock is taken to hold others up, milliseconds. */
export const CANARY_WAIT = 300;
