/**
 * The header of a message and what follows from it: MongoDB Wire Protocol, "Standard Message Header", "Opcodes" and
 * "OP_MSG" (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/). All integers are little-endian.
 */
export const OP = {
  reply: 1,
  update: 2_001,
  insert: 2_002,
  query: 2_004,
  getMore: 2_005,
  delete: 2_006,
  killCursors: 2_007,
  compressed: 2_012,
  msg: 2_013,
} as const;

/** Flags of OP_MSG. */
export const FLAG = { checksum: 1, moreToCome: 2 } as const;

/** Bytes of the header, and of the header with the four that follow it, which every message has. */
export const HEADER = 16;
export const LEAST = 20;
/** Bytes before the compressed part: the header, the original opcode, the size once unpacked and the compressor. */
export const COMPRESSED_HEAD = 25;
/**
 * A length beyond this is no message: servers take 48,000,000 bytes (maxMessageSizeBytes of `hello`), and some that speak
 * the protocol a little more.
 */
export const LONGEST = 0x400_0000;

const FROM_CLIENT: ReadonlySet<number> = new Set([
  OP.query, OP.getMore, OP.update, OP.insert, OP.delete, OP.killCursors, OP.compressed, OP.msg,
]);
const FROM_UPSTREAM: ReadonlySet<number> = new Set([OP.reply, OP.compressed, OP.msg]);

/** The header that was read last; one object for all messages of one direction. */
export class Header {
  length = 0;
  requestId = 0;
  responseTo = 0;
  opCode = 0;
  /** The four bytes behind the header: in OP_MSG its flags, in OP_COMPRESSED the original opcode. */
  word = 0;
  readonly #known: ReadonlySet<number>;

  constructor(from: 'client' | 'upstream') {
    this.#known = from === 'client' ? FROM_CLIENT : FROM_UPSTREAM;
  }
  /** Reads bytes[at, at + LEAST), which must be there. False when this is no message that the protocol knows. */
  read(bytes: Buffer, at: number): boolean {
    this.length = bytes.readInt32LE(at);
    this.requestId = bytes.readInt32LE(at + 4);
    this.responseTo = bytes.readInt32LE(at + 8);
    this.opCode = bytes.readInt32LE(at + 12);
    this.word = bytes.readInt32LE(at + HEADER);
    return this.length >= LEAST && this.length <= LONGEST && this.#known.has(this.opCode);
  }
  /** More answers follow this one without a request (a reply), or none is wanted (a request); unknown where compressed. */
  get moreToCome(): boolean {
    return this.opCode === OP.msg && (this.word & FLAG.moreToCome) !== 0;
  }
  /** Whether a request with this header has an answer, as far as the header tells. */
  get answered(): boolean {
    switch (this.opCode) {
      case OP.msg:
        return !this.moreToCome;
      case OP.query:
      case OP.getMore:
      case OP.compressed:
        return true;
      default:
        return false;
    }
  }
}

/** The header of a message that is made here. */
export function writeHeader(to: Buffer, requestId: number, responseTo: number, opCode: number): Buffer {
  to.writeInt32LE(to.length, 0);
  to.writeInt32LE(requestId | 0, 4);
  to.writeInt32LE(responseTo, 8);
  to.writeInt32LE(opCode, 12);
  return to;
}
