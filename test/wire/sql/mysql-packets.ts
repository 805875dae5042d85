import type { Turn } from '../replay.ts';

/** Packets of the MySQL protocol, by hand. */

/** One packet, or as many as a payload of 16 MiB and more takes. */
export function packet(sequence: number, ...parts: readonly (Uint8Array | string | number)[]): Buffer {
  const payload = Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : Buffer.from(part as string))));
  const packets: Buffer[] = [];
  for (let at = 0, number = sequence; ; at += 0xff_ffff, number++) {
    const length = Math.min(0xff_ffff, payload.length - at);
    const header = Buffer.alloc(4);
    header.writeUIntLE(length, 0, 3);
    header[3] = number & 0xff;
    packets.push(header, payload.subarray(at, at + length));
    if (length < 0xff_ffff) return Buffer.concat(packets);
  }
}
const int = (value: number, size: number): Buffer => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntLE(value % 2 ** 32, 0, Math.min(size, 4));
  return bytes;
};
export const int2 = (value: number): Buffer => int(value, 2);
export const int4 = (value: number): Buffer => int(value, 4);

export const FLAG = {
  mysql: 0x1, database: 0x8, compress: 0x20, protocol41: 0x200, tls: 0x800, secure: 0x8000, multi: 0x1_0000, deprecateEof: 0x100_0000, optionalMetadata: 0x200_0000,
  queryAttributes: 0x800_0000,
} as const;
/** What both ends of a plain connection say. */
export const PLAIN = FLAG.protocol41 | FLAG.secure | FLAG.database;

export const AUTOCOMMIT = 2;
export const IN_TRANSACTION = 3;
export const MORE = 8;

export function greeting(flags: number = PLAIN, extended = 0): Buffer {
  const low = int2(flags & 0xffff);
  const high = int2(flags >>> 16);
  return packet(0, 10, '11.4.2-MariaDB\0', int4(7), 'challeng', 0, low, 45, int2(AUTOCOMMIT), high, 21, Buffer.alloc(6), int4(extended), 'and-the-rest\0', 'mysql_native_password\0');
}
export const login = (flags: number = PLAIN, extended = 0): Buffer =>
  packet(1, int4(flags), int4(0x100_0000), 45, Buffer.alloc(19), int4(extended), 'app\0', 4, 'hash', 'shop\0', 'mysql_native_password\0');
export const tlsRequest = (): Buffer => packet(1, int4(PLAIN | FLAG.tls), int4(0x100_0000), 45, Buffer.alloc(23));

export const ok = (sequence: number, status = AUTOCOMMIT, first = 0): Buffer => packet(sequence, first, 0, 0, int2(status), int2(0));
export const eof = (sequence: number, status = AUTOCOMMIT): Buffer => packet(sequence, 0xfe, int2(0), int2(status));
export const failure = (sequence: number, number: number, text = 'no', state = 'HY000'): Buffer => packet(sequence, 0xff, int2(number), `#${state}`, text);
export const query = (sql: string): Buffer => packet(0, 3, sql);
export const prepare = (sql: string): Buffer => packet(0, 0x16, sql);
export const prepared = (id: number, columns: number, parameters: number): Buffer => packet(1, 0, int4(id), int2(columns), int2(parameters), 0, int2(0));
export const column = (sequence: number): Buffer => packet(sequence, 3, 'def', 0, 0, 0, 1, 'a', 0, 12, int2(63), int4(11), 3, int2(0), 0, int2(0));
/** `types`: two bytes each, or undefined when they are not told again. */
export const execute = (id: number, nulls: Uint8Array, types: Uint8Array | undefined, values: Uint8Array): Buffer =>
  packet(0, 0x17, int4(id), 0, int4(1), nulls, types === undefined ? 0 : 1, types ?? '', values);
/** One column, one row, as it is without CLIENT_DEPRECATE_EOF. */
export const rows = (status = AUTOCOMMIT, value = '1'): Buffer =>
  Buffer.concat([packet(1, 1), column(2), eof(3), packet(4, value.length, value), eof(5, status)]);
/** The same with CLIENT_DEPRECATE_EOF. */
export const newRows = (status = AUTOCOMMIT, value = '1'): Buffer =>
  Buffer.concat([packet(1, 1), column(2), packet(3, value.length, value), ok(4, status, 0xfe)]);

export const client = (bytes: Buffer): Turn => ({ from: 'client', bytes });
export const upstream = (bytes: Buffer): Turn => ({ from: 'upstream', bytes });
/** A connection that was let in. */
export const opening = (flags: number = PLAIN, extended = 0): Turn[] => [upstream(greeting(flags, extended)), client(login(flags, extended)), upstream(ok(2))];
