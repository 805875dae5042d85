import { attribute, eachAttribute, FLAG, isErrno, message, Netlink, number32, refused } from './netlink.ts';

/** Packets that rules leave to a program, as linux/netfilter/nfnetlink_queue.h says it. */

const QUEUE = 3;
const PACKET = QUEUE << 8;
const VERDICT = (QUEUE << 8) | 1;
const CONFIG = (QUEUE << 8) | 2;
const SETTING = { command: 1, parameters: 2, most: 3, mask: 4, flags: 5 } as const;
const ATTRIBUTE = { head: 1, verdict: 2, payload: 10, length: 13 } as const;
const BIND = 1;
const COPY_PACKET = 2;
const VERDICTS = { drop: 0, accept: 1 } as const;
/** What finds no room passes (NFQA_CFG_F_FAIL_OPEN); packets that the network card is to cut up come whole (NFQA_CFG_F_GSO). */
const FAIL_OPEN = 1;
const WHOLE = 4;
/** Numbers that nobody else is likely to use. */
const FIRST = 0xfb00;
const NUMBERS = 0xff;
/** The heads of IP and what follows; enough to know the packet. */
const HEAD_BYTES = 64;
/** Verdicts in one message to the kernel, each of which may bring a whole packet. */
const AT_ONCE = 64;

export interface QueuedPacket {
  readonly id: number;
  /** Where it was taken (NF_INET_PRE_ROUTING 0 … NF_INET_POST_ROUTING 4). */
  readonly hook: number;
  /** Its length in bytes, from the head of IP on. */
  readonly length: number;
  /** As much of it as was asked for; valid until the next one is read. */
  readonly payload: Buffer;
}

/** The reader's end of one queue. When it is closed, or its process ends, the kernel drops what still waits there. */
export class PacketQueue implements Disposable {
  readonly number: number;
  readonly #netlink = new Netlink();
  /** The longest packet and what stands around it. */
  readonly #bytes = Buffer.alloc(70_000);
  #verdicts: Buffer[] = [];

  /**
   * @param whole whether all of each packet is to be read, as it will be on the wire; otherwise its beginning only.
   * @param most packets that may wait. @throws FirebreakError `netlink`
   */
  constructor({ whole, most }: { readonly whole: boolean; readonly most: number }) {
    this.number = this.#bind();
    const parameters = Buffer.concat([number32(whole ? 0xffff : HEAD_BYTES), Buffer.of(COPY_PACKET)]);
    this.#configure('the queue cannot be set up', [
      attribute(SETTING.parameters, parameters),
      attribute(SETTING.most, number32(most)),
      attribute(SETTING.mask, number32(FAIL_OPEN | WHOLE)),
      attribute(SETTING.flags, number32(whole ? FAIL_OPEN : FAIL_OPEN | WHOLE)),
    ]);
  }

  #bind(): number {
    let errno = 0;
    for (let number = FIRST; number < FIRST + NUMBERS; number++) {
      errno = this.#netlink.ask((next) => [message(CONFIG, FLAG.acknowledge, next(), 0, number, [attribute(SETTING.command, Buffer.of(BIND, 0, 0, 0))])]);
      if (errno === 0) return number;
      // EPERM: somebody else reads this one; or nobody may.
      if (!isErrno(errno, 'EPERM', 'EBUSY')) break;
    }
    throw refused('no queue of packets can be read (nfnetlink_queue)', errno, 'it needs root, and a kernel with CONFIG_NETFILTER_NETLINK_QUEUE');
  }
  #configure(what: string, attributes: readonly Buffer[]): void {
    const errno = this.#netlink.ask((next) => [message(CONFIG, FLAG.acknowledge, next(), 0, this.number, attributes)]);
    if (errno !== 0) throw refused(what, errno);
  }

  wait(ms: number): void {
    this.#netlink.wait(ms);
  }

  /** The next packet that has come; undefined when none has. */
  next(): QueuedPacket | undefined {
    for (let length = this.#netlink.receive(this.#bytes); length > 0; length = this.#netlink.receive(this.#bytes)) {
      if (this.#bytes.readUInt16LE(4) === PACKET) return this.#read();
    }
    return undefined;
  }

  #read(): QueuedPacket {
    const bytes = this.#bytes;
    let [id, hook, length] = [0, 0, 0];
    let payload = bytes.subarray(0, 0);
    eachAttribute(bytes, 0, (type, start, end) => {
      if (type === ATTRIBUTE.head) [id, hook] = [bytes.readUInt32BE(start), bytes.readUInt8(start + 6)];
      else if (type === ATTRIBUTE.payload) payload = bytes.subarray(start, end);
      else if (type === ATTRIBUTE.length) length = bytes.readUInt32BE(start);
    });
    return { id, hook, length: length || payload.length, payload };
  }

  /** Decides over a packet, from the next `flush` on. @param changed goes on in its place. */
  decide(id: number, verdict: keyof typeof VERDICTS, changed?: Buffer): void {
    const attributes = [attribute(ATTRIBUTE.verdict, Buffer.concat([number32(VERDICTS[verdict]), number32(id)]))];
    if (changed !== undefined) attributes.push(attribute(ATTRIBUTE.payload, changed));
    this.#verdicts.push(message(VERDICT, 0, 0, 0, this.number, attributes));
  }

  flush(): void {
    // Not all at once: the kernel takes as much as a socket may keep.
    while (this.#verdicts.length > 0) this.#netlink.send(Buffer.concat(this.#verdicts.splice(0, AT_ONCE)));
  }

  [Symbol.dispose](): void {
    this.#netlink[Symbol.dispose]();
  }
}
