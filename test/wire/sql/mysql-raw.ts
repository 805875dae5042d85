import { Peer } from '../parts.ts';
import * as my from './mysql-packets.ts';

/** Who logs in without a password; a test that wants this user creates it. */
export const RAW_USER = 'raw';

/** A client that speaks the protocol by hand: for what the libraries of this language never send. */
export class RawClient implements Disposable {
  readonly peer: Peer;
  #read = 0;

  private constructor(peer: Peer) {
    this.peer = peer;
  }
  static async to(address: string, flags: number = my.PLAIN): Promise<RawClient> {
    const raw = new RawClient(await Peer.to(address));
    await raw.packet();
    const login = my.packet(1, my.int4(flags), my.int4(0x100_0000), 45, Buffer.alloc(23), `${RAW_USER}\0`, 0, 'shop\0');
    raw.say(login);
    const answer = await raw.packet();
    if (answer[0] !== 0) throw new Error(`not let in: ${answer.toString('latin1')}`);
    return raw;
  }
  say(...packets: readonly Buffer[]): void {
    this.peer.write(Buffer.concat(packets));
  }
  /** The payload of the next packet. */
  async packet(): Promise<Buffer> {
    await this.peer.has(this.#read + 4);
    const length = this.peer.received.readUIntLE(this.#read, 3);
    await this.peer.has(this.#read + 4 + length);
    const payload = this.peer.received.subarray(this.#read + 4, this.#read + 4 + length);
    this.#read += 4 + length;
    return payload;
  }
  /** The packets up to the `count`th that ends something (EOF). */
  async until(count: number): Promise<Buffer[]> {
    const all: Buffer[] = [];
    while (count > 0) {
      const one = await this.packet();
      all.push(one);
      if (one[0] === 0xff) throw new Error(one.toString('latin1'));
      if (one[0] === 0xfe && one.length < 9) count--;
    }
    return all;
  }
  /** Prepares a statement with parameters and columns; returns its number. */
  async prepare(sql: string, ends: number): Promise<number> {
    this.say(my.prepare(sql));
    const [first] = ends === 0 ? [await this.packet()] : await this.until(ends);
    return first?.readUInt32LE(1) ?? 0;
  }
  [Symbol.dispose](): void {
    this.peer[Symbol.dispose]();
  }
}
