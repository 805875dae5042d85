import { bytesAre, Elements, TYPE } from './elements.ts';
import { FLAG } from './header.ts';

/** Bytes of a name; databases and collections have at most 255 together (MongoDB Limits and Thresholds, "Namespaces"). */
const LONGEST_NAME = 1_024;
/** Where names are put together: one for all, because a name is judged as soon as it is read. */
const NAME = Buffer.alloc(LONGEST_NAME);
const SPACE = 0x20;
const DOT = 0x2e;

/**
 * Commands that no policy is asked about: the handshake, authentication and the heartbeat. In lower case, because old
 * drivers write `isMaster` and `ismaster`.
 */
const UNTOUCHED = [
  'hello', 'ismaster', 'ping', 'saslstart', 'saslcontinue', 'authenticate', 'getnonce', 'logout', 'copydbgetnonce', 'copydbsaslstart',
].map((name) => Buffer.from(name));
/** Commands whose documents carry secrets: not even their shape is shown. */
const SECRET = new Set(['saslstart', 'saslcontinue', 'authenticate', 'getnonce', 'createuser', 'updateuser', 'copydbsaslstart']);
const ENDS_TRANSACTION = ['commitTransaction', 'abortTransaction'];

/**
 * The command of an OP_MSG: what it is called and where the rest of it lies. Offsets into `bytes`; one object for all
 * messages of a connection. Reads only the elements of the command itself, never what they hold.
 */
export class Command {
  bytes: Buffer = Buffer.alloc(0);
  /** The document of the command. */
  start = 0;
  /** What of it is there ends here. */
  end = 0;
  commandStart = 0;
  commandEnd = 0;
  collectionStart = 0;
  collectionEnd = 0;
  databaseStart = 0;
  databaseEnd = 0;
  /** The comment, which may carry the context of a trace; 0 = none. */
  commentType = 0;
  commentStart = 0;
  commentEnd = 0;
  /** Part of a multi-document transaction (`autocommit: false`). */
  inTransaction = false;
  /** Carries a number by which the server knows it again: a retryable write, or part of a transaction. */
  numbered = false;
  /** No answer is wanted. */
  unacknowledged = false;
  /** The document was seen to its end: what was not found in it is not there. */
  whole = false;
  /** What policies match on: `find shop.orders`, in bytes[0, nameEnd) of `name`, until any other command is read. */
  readonly name = NAME;
  nameEnd = 0;
  readonly #elements = new Elements();
  readonly #inner = new Elements();

  /** Reads an OP_MSG whose flags begin at bytes[at); what of it is there ends at `end`. False: no command can be seen. */
  read(bytes: Buffer, at: number, end: number): boolean {
    if (end - at < 4) return false;
    this.bytes = bytes;
    this.unacknowledged = (bytes.readInt32LE(at) & FLAG.moreToCome) !== 0;
    let section = at + 4;
    // A document sequence (kind 1) may come first, although no driver writes it so.
    while (end - section > 5 && bytes[section] === 1) {
      const size = bytes.readInt32LE(section + 1);
      if (size < 4) return false;
      section += 1 + size;
    }
    if (end - section < 6 || bytes[section] !== 0) return false;
    return this.#document(section + 1, end);
  }

  #document(start: number, end: number): boolean {
    const { bytes } = this;
    const elements = this.#elements.open(bytes, start, end);
    this.start = start;
    this.commandStart = this.commandEnd = this.collectionStart = this.collectionEnd = this.databaseStart = this.databaseEnd = 0;
    this.commentType = this.commentStart = this.commentEnd = 0;
    this.inTransaction = this.numbered = this.whole = false;
    if (!elements.next()) return false;
    this.end = Math.min(end, elements.end);
    this.commandStart = elements.keyStart;
    this.commandEnd = elements.keyEnd;
    if (elements.type === TYPE.string) this.#collection(elements);
    else if (elements.type === TYPE.document && elements.keyIs('explain')) {
      const inner = this.#inner.open(bytes, elements.valueStart, elements.valueEnd);
      if (inner.next() && inner.type === TYPE.string) this.#collection(inner);
    }
    while (elements.next()) this.#field(elements);
    this.whole = !elements.broken;
    this.#compose();
    return true;
  }
  #field(elements: Elements): void {
    const { type } = elements;
    switch (elements.keyEnd - elements.keyStart) {
      case 3:
        if (type === TYPE.string && elements.keyIs('$db')) {
          this.databaseStart = elements.valueStart + 4;
          this.databaseEnd = elements.valueEnd - 1;
        }
        break;
      case 7:
        if (elements.keyIs('comment')) {
          this.commentType = type;
          this.commentStart = elements.valueStart;
          this.commentEnd = elements.valueEnd;
        }
        break;
      case 9:
        if (elements.keyIs('txnNumber')) this.numbered = true;
        break;
      case 10:
        if (type === TYPE.boolean && elements.keyIs('autocommit')) this.inTransaction = this.bytes[elements.valueStart] === 0;
        // The value of getMore itself is the number of the cursor.
        else if (type === TYPE.string && this.is('getMore') && elements.keyIs('collection')) this.#collection(elements);
        break;
    }
  }
  #collection(elements: Elements): void {
    this.collectionStart = elements.valueStart + 4;
    this.collectionEnd = elements.valueEnd - 1;
  }
  #compose(): void {
    let to = this.#append(0, this.commandStart, this.commandEnd);
    this.name[to++] = SPACE;
    to = this.#append(to, this.databaseStart, this.databaseEnd);
    if (this.collectionEnd > this.collectionStart) {
      this.name[to++] = DOT;
      to = this.#append(to, this.collectionStart, this.collectionEnd);
    }
    this.nameEnd = to;
  }
  #append(to: number, start: number, end: number): number {
    // Two bytes are left for what may follow, so that a name of any length stays within its buffer.
    return to + this.bytes.copy(this.name, to, start, Math.min(end, start + Math.max(0, LONGEST_NAME - 2 - to)));
  }

  is(command: string): boolean {
    return bytesAre(this.bytes, this.commandStart, this.commandEnd, command);
  }
  /** Part of the handshake, of authentication or of the heartbeat: nothing may be done to it. */
  get untouched(): boolean {
    const length = this.commandEnd - this.commandStart;
    for (const name of UNTOUCHED) {
      if (name.length !== length) continue;
      let at = 0;
      while (at < length && ((this.bytes[this.commandStart + at] as number) | 0x20) === name[at]) at++;
      if (at === length) return true;
    }
    return false;
  }
  get secret(): boolean {
    return SECRET.has(this.command.toLowerCase());
  }
  /** It ends a transaction, so its outcome must not be put in doubt. */
  get endsTransaction(): boolean {
    return ENDS_TRANSACTION.some((name) => this.is(name));
  }
  get command(): string {
    return this.bytes.toString('utf8', this.commandStart, this.commandEnd);
  }
  get database(): string {
    return this.bytes.toString('utf8', this.databaseStart, this.databaseEnd);
  }
  get collection(): string {
    return this.bytes.toString('utf8', this.collectionStart, this.collectionEnd);
  }
}
