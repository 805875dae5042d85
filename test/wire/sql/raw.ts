import { errorResponse } from '../../../engine/wire/sql/postgres-messages.ts';
import { RAW_USER } from '../../lab/postgres.ts';
import { Peer } from '../parts.ts';

/** Messages of PostgreSQL's protocol made by hand: for tests of what no client library sends on purpose. */

const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const int = (value: number, size: 2 | 4): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeIntBE(value, 0, size);
  return bytes;
};
export const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int(body.length + 4, 4), body]);
};
export const query = (sql: string): Buffer => message('Q', text(sql));
export const parse = (sql: string, name = ''): Buffer => message('P', text(name), text(sql), int(0, 2));
export const bind = (name = '', portal = ''): Buffer => message('B', text(portal), text(name), int(0, 2), int(0, 2), int(0, 2));
export const execute = (portal = '', rows = 0): Buffer => message('E', text(portal), int(rows, 4));
export const describe = (name = ''): Buffer => message('D', Buffer.from('S'), text(name));
export const close = (name: string): Buffer => message('C', Buffer.from('S'), text(name));
export const sync = message('S');
export const flush = message('H');
export const run = (sql: string): Buffer => Buffer.concat([parse(sql), bind(), execute()]);
export const startup = (user: string = RAW_USER, database = 'postgres'): Buffer => {
  const body = Buffer.concat([int(196_608, 4), text('user'), text(user), text('database'), text(database), Buffer.from([0])]);
  return Buffer.concat([int(body.length + 4, 4), body]);
};
export const sslRequest = Buffer.concat([int(8, 4), int(80_877_103, 4)]);
/** A request to cancel what runs on the connection to which `keyData` said this. */
export const cancelOf = (secret: Buffer): Buffer => Buffer.concat([int(8 + secret.length, 4), int(80_877_102, 4), secret]);
export const cancelRequest = cancelOf(Buffer.concat([int(1, 4), int(2, 4)]));

/** Messages of a server. */
export const ready = (status = 'I'): Buffer => message('Z', Buffer.from(status));
export const complete = (tag = 'SELECT 1'): Buffer => message('C', text(tag));
export const keyData = (secret: Buffer): Buffer => message('K', secret);
export const authenticated = message('R', int(0, 4));
export const notice = message('N', Buffer.from('SNOTICE\0Mhello\0\0'));
export const serverError = (sqlstate: string, words = 'no'): Buffer => errorResponse({ sqlstate, message: words }, false);

/** What a server said: type and what is of interest of it, such as `Z I`, `E 40001`, `C INSERT 0 1`. */
export function told(bytes: Buffer): string[] {
  const all: string[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const type = String.fromCharCode(bytes[at] as number);
    const body = bytes.toString('utf8', at + 5, at + 1 + bytes.readInt32BE(at + 1));
    if (type === 'Z') all.push(`Z ${body}`);
    else if (type === 'C') all.push(`C ${body.slice(0, -1)}`);
    else if (type === 'E') all.push(`E ${/\0C([^\0]*)/.exec(body)?.[1]}`);
    else if (!'RSKN'.includes(type)) all.push(type);
  }
  return all;
}

/** A connection without a client library. */
export class RawClient implements Disposable {
  readonly peer: Peer;
  #seen = 0;

  private constructor(peer: Peer) {
    this.peer = peer;
  }
  static async to(address: string): Promise<RawClient> {
    const client = new RawClient(await Peer.to(address));
    await client.ask(1, startup());
    return client;
  }
  /** Sends messages; resolves with what the server has said when it was ready so many times more. */
  async ask(times: number, ...messages: readonly Buffer[]): Promise<string[]> {
    const before = this.#seen;
    this.peer.write(Buffer.concat(messages));
    const news = (): string[] => told(this.peer.received).slice(before);
    await this.peer.until(() => this.peer.closed || news().filter((line) => line.startsWith('Z')).length >= times, 'ReadyForQuery');
    this.#seen += news().length;
    return told(this.peer.received).slice(before);
  }
  [Symbol.dispose](): void {
    this.peer[Symbol.dispose]();
  }
}
