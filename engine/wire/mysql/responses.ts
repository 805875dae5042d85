import type { PacketScanner } from './packets.ts';
import {
  EOF_LIMIT, int2At, int4At, lengthEncodedAt, lengthSize, MAX_PAYLOAD, PACKET, PROGRESS, type Reply, REPLY, STATUS,
} from './protocol.ts';

/** What both ends agreed on that changes where an answer ends. */
export interface Agreed {
  readonly deprecateEof: boolean;
  /** MySQL: a byte before the number of columns says whether they follow. */
  readonly optionalMetadata: boolean;
  /** MariaDB: the same, behind it. */
  readonly cacheMetadata: boolean;
}

/** Hears of prepared statements, in the order in which they were sent. */
export interface Prepares {
  prepared(id: number, parameters: number): void;
  refused(): void;
}

/** Hears how commands went that choose a database or a user, in the order in which they were sent. */
export interface Choices {
  /** @param results how many of its statements went well; Infinity = all. */
  answered(results: number): void;
}

/** Where an answer is. */
const AT = { first: 0, columns: 1, columnsEnd: 2, rows: 3, parameters: 4, parametersEnd: 5 } as const;

/**
 * Follows the answers to the commands that were announced with `expect`, in order, and the flags that come with them: is a
 * transaction open? A packet that answers nothing (a server that ends idle connections says so) changes nothing.
 */
export class Responses {
  /** The last Status Flags that the server told. */
  status = 0;
  /** The server waits for the content of a file: what the client sends next is no command. */
  wantsFile = false;
  /** The exchange of credentials has ended well. */
  authenticated = false;
  agreed: Agreed = { deprecateEof: false, optionalMetadata: false, cacheMetadata: false };
  readonly #prepares: Prepares;
  readonly #choices: Choices;
  /** Kinds of the answers that are due from `#next` on; plain numbers, `PLAIN` and `CHOOSES` added. */
  #due: number[] = [];
  #next = 0;
  #at: number = AT.first;
  #columns = 0;
  #parameters = 0;
  /** How many results of the answer under way have ended. */
  #results = 0;
  /** An error came without flags, to a command that may have begun a transaction before it failed. */
  #unsure = true;
  /** How many commands are not answered that may begin a transaction. */
  #doubtful = 0;

  constructor(prepares: Prepares, choices: Choices) {
    this.#prepares = prepares;
    this.#choices = choices;
  }

  /** Whether a transaction is open, or may be for all that is known; without autocommit each statement is part of one. */
  get inTransaction(): boolean {
    return this.#unsure || this.#doubtful > 0 || (this.status & (STATUS.inTransaction | STATUS.autocommit)) !== STATUS.autocommit;
  }
  /** How many commands are not fully answered. */
  get outstanding(): number {
    return this.#due.length - this.#next;
  }
  /** What the answer belongs to that is under way or comes next. */
  get current(): Reply {
    return (this.outstanding === 0 ? REPLY.none : (this.#due[this.#next] as number) & KIND_BITS) as Reply;
  }
  /**
   * @param plain the command cannot change whether a transaction is open unless it succeeds.
   * @param chooses `choices` is to hear how it went.
   */
  expect(kind: Reply, plain = false, chooses = false): void {
    if (!plain) this.#doubtful++;
    this.#due.push(kind | (plain ? PLAIN : 0) | (chooses ? CHOOSES : 0));
  }
  /** The server told its flags before the first command. */
  greeted(status: number): void {
    this.#tell(status);
  }

  /** Reads the packet that the scanner found. */
  take(packet: PacketScanner): void {
    if (this.outstanding === 0 || packet.available === 0) return;
    const first = packet.bytes[packet.at] as number;
    switch (this.current) {
      case REPLY.auth:
        if (first === PACKET.ok) this.#authenticated(packet);
        else if (first === PACKET.error) this.#done(0);
        return;
      case REPLY.text:
        return this.#done();
      case REPLY.prepared:
        return this.#prepared(packet, first);
      case REPLY.rows:
        return this.#rows(packet, first);
      case REPLY.fields:
        return first === PACKET.error ? this.#failed(packet) : this.#fields(packet, first);
      case REPLY.result:
        return this.#result(packet, first);
      default:
        return first === PACKET.error ? this.#failed(packet) : this.#simple(packet, first);
    }
  }

  #authenticated(packet: PacketScanner): void {
    this.authenticated = true;
    this.#ok(packet);
    this.#done();
  }
  #simple(packet: PacketScanner, first: number): void {
    if (first === PACKET.eof) this.#eof(packet);
    else if (first === PACKET.ok) this.#ok(packet);
    this.#done();
  }
  #result(packet: PacketScanner, first: number): void {
    switch (this.#at) {
      case AT.first:
        if (first === PACKET.error) return this.#failed(packet);
        if (this.#isCount(packet, first)) return this.#counted(packet, first);
        if (first === PACKET.localInfile) {
          this.wantsFile = true;
          return;
        }
        this.#ok(packet);
        return this.#ended();
      case AT.columns:
        if (first === PACKET.error && packet.length < MAX_PAYLOAD && this.#isError(packet)) return this.#failed(packet);
        if (--this.#columns === 0) this.#at = this.agreed.deprecateEof ? AT.rows : AT.columnsEnd;
        return;
      case AT.columnsEnd:
        if (first === PACKET.error) return this.#failed(packet);
        this.#at = AT.rows;
        this.#eof(packet);
        // A cursor was opened: its rows come when they are fetched.
        if ((this.status & STATUS.cursorExists) !== 0) this.#ended();
        return;
      default:
        return this.#rows(packet, first);
    }
  }
  /** An OK packet has 7 bytes at least; with optional metadata a count may begin with the same byte. */
  #isCount(packet: PacketScanner, first: number): boolean {
    if (first === PACKET.ok) return this.agreed.optionalMetadata && packet.length < 7;
    return first !== PACKET.localInfile;
  }
  #counted(packet: PacketScanner, first: number): void {
    const { bytes, at } = packet;
    let full = true;
    if (this.agreed.optionalMetadata) {
      full = first !== 0;
      this.#columns = lengthEncodedAt(bytes, at + 1);
    } else {
      this.#columns = lengthEncodedAt(bytes, at);
      if (this.agreed.cacheMetadata) full = bytes[at + lengthSize(first)] !== 0;
    }
    if (full && this.#columns > 0) this.#at = AT.columns;
    else this.#at = this.agreed.deprecateEof ? AT.rows : AT.columnsEnd;
  }
  #rows(packet: PacketScanner, first: number): void {
    if (first === PACKET.error) return this.#failed(packet);
    if (first !== PACKET.eof || packet.length >= (this.agreed.deprecateEof ? MAX_PAYLOAD : EOF_LIMIT)) return;
    if (this.agreed.deprecateEof) this.#ok(packet);
    else this.#eof(packet);
    this.#ended();
  }
  #fields(packet: PacketScanner, first: number): void {
    if (first !== PACKET.eof || packet.length >= EOF_LIMIT) return;
    this.#eof(packet);
    this.#done();
  }
  #prepared(packet: PacketScanner, first: number): void {
    switch (this.#at) {
      case AT.first: {
        if (first === PACKET.error) {
          if (!this.#isError(packet)) return;
          this.#prepares.refused();
          return this.#done();
        }
        const { bytes, at } = packet;
        this.#columns = int2At(bytes, at + 5);
        this.#parameters = int2At(bytes, at + 7);
        this.#prepares.prepared(int4At(bytes, at + 1), this.#parameters);
        if (this.agreed.optionalMetadata && packet.length > 12 && bytes[at + 12] === 0) return this.#done();
        return this.#definitions(this.#parameters > 0 ? AT.parameters : AT.columns);
      }
      case AT.parameters:
        if (--this.#parameters === 0) this.#definitions(this.agreed.deprecateEof ? AT.columns : AT.parametersEnd);
        return;
      case AT.parametersEnd:
        return this.#definitions(AT.columns);
      case AT.columns:
        if (--this.#columns === 0) this.#definitions(this.agreed.deprecateEof ? AT.first : AT.columnsEnd);
        return;
      default:
        return this.#done();
    }
  }
  /** Goes on with the definitions of a prepared statement; without columns there is nothing left. */
  #definitions(at: number): void {
    if (at === AT.first || (at === AT.columns && this.#columns === 0)) this.#done();
    else this.#at = at;
  }

  /** A progress report looks like an error and answers nothing. */
  #isError({ bytes, at }: PacketScanner): boolean {
    return int2At(bytes, at + 1) !== PROGRESS;
  }
  #failed(packet: PacketScanner): void {
    if (!this.#isError(packet)) return;
    if (((this.#due[this.#next] as number) & PLAIN) === 0) this.#unsure = true;
    this.#done(this.#results);
  }
  /** OK: two length-encoded numbers stand before the flags. */
  #ok({ bytes, at, available }: PacketScanner): void {
    const rows = at + 1;
    const id = rows + lengthSize(bytes[rows] as number);
    const status = id + lengthSize(bytes[id] as number);
    if (status + 2 <= at + available) this.#tell(int2At(bytes, status));
    this.wantsFile = false;
  }
  #eof({ bytes, at, available }: PacketScanner): void {
    if (available >= 5) this.#tell(int2At(bytes, at + 3));
  }
  #tell(status: number): void {
    this.status = status;
    this.#unsure = false;
  }
  /** One result ended; others may follow it. */
  #ended(): void {
    this.#at = AT.first;
    this.#results++;
    if ((this.status & STATUS.moreResults) === 0) this.#done();
  }
  /** @param results how many statements of the command went well. */
  #done(results = Infinity): void {
    const due = this.#due[this.#next] as number;
    this.#at = AT.first;
    this.#results = 0;
    this.wantsFile = false;
    if ((due & PLAIN) === 0) this.#doubtful--;
    if ((due & CHOOSES) !== 0) this.#choices.answered(results);
    this.#next++;
    if (this.#next === this.#due.length) this.#due.length = this.#next = 0;
    else if (this.#next >= SHIFT_AFTER) {
      this.#due.splice(0, this.#next);
      this.#next = 0;
    }
  }
}

const KIND_BITS = 0xff;
const PLAIN = 0x100;
const CHOOSES = 0x200;
/** A client that always sends more before all is answered must not make the list grow. */
const SHIFT_AFTER = 1_024;
