import type { Turn } from '../wire/replay.ts';
import * as my from '../wire/sql/mysql-packets.ts';

const { client, upstream } = my;
const flags = my.PLAIN | my.FLAG.deprecateEof;

export const protocol = 'sql';
export const policies = [
  { target: 'connect', scope: 'connect', errorChance: 0.5 },
  { target: 'connect', scope: 'connect', dropConnection: true },
  { target: 'insert into', errorChance: 1, errorCode: 1213, errorBody: 'no' },
  { target: 'select', when: "sql.user == 'app' && !sql.in_transaction", errorChance: 0.5 },
];

export const seeds = (): Turn[][] => [
  [
    ...my.opening(),
    client(my.query('SELECT a FROM t; BEGIN')),
    upstream(Buffer.concat([my.rows(my.AUTOCOMMIT | my.MORE), my.ok(6, my.IN_TRANSACTION)])),
    client(Buffer.concat([my.query("INSERT INTO t VALUES ('x')"), my.query('COMMIT'), my.packet(0, 0x0e)])),
    upstream(Buffer.concat([my.ok(1, my.IN_TRANSACTION), my.ok(1), my.ok(1)])),
    client(my.packet(0, 1)),
  ],
  [
    ...my.opening(flags, 0x1f),
    client(my.prepare('INSERT INTO t VALUES (?, ?)')),
    upstream(Buffer.concat([my.prepared(3, 0, 2), my.column(2), my.column(3)])),
    client(
      Buffer.concat([
        my.packet(0, 0x18, my.int4(3), my.int2(0), 'ahead'),
        my.execute(3, Buffer.from([0]), Buffer.from([0xfd, 0, 3, 0]), my.int4(7)),
      ]),
    ),
    upstream(my.ok(1)),
    client(
      Buffer.concat([
        my.execute(3, Buffer.from([0]), undefined, my.int4(7)),
        my.packet(0, 0x1a, my.int4(3)),
        my.packet(0, 0x19, my.int4(3)),
      ]),
    ),
    upstream(Buffer.concat([my.ok(1), my.ok(1)])),
    client(my.query('SELECT a FROM t')),
    upstream(
      Buffer.concat([
        my.packet(1, 0xff, my.int2(0xffff), 1, 1, 1, 0, 0, 0, 0),
        my.packet(1, 1, 0),
        my.packet(2, 1, '1'),
        my.ok(3, my.AUTOCOMMIT, 0xfe),
      ]),
    ),
  ],
  [
    ...my.opening(my.PLAIN | my.FLAG.queryAttributes | my.FLAG.optionalMetadata | my.FLAG.deprecateEof),
    client(my.packet(0, 3, Buffer.from([1, 1, 0, 1, 0xfe, 0, 1, 0x61, 2]), 'xySELECT 1')),
    upstream(Buffer.concat([my.packet(1, 1, 1), my.column(2), my.packet(3, 1, '1'), my.ok(4, my.AUTOCOMMIT, 0xfe)])),
    client(my.packet(0, 0x11, 'app\0')),
    upstream(my.packet(1, 0xfe, 'caching_sha2_password\0')),
    client(my.packet(2, 'hash')),
    upstream(my.ok(3)),
    client(my.packet(0, 2, 'shop')),
    upstream(my.failure(1, 1049, 'Unknown database')),
  ],
  [
    ...my.opening(),
    client(my.query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")),
    upstream(my.packet(1, 0xfb, 'x')),
    client(Buffer.concat([my.packet(2, '1,2\n'), my.packet(3)])),
    upstream(my.ok(4)),
    client(my.packet(0, 9)),
    upstream(my.packet(1, 'Uptime: 1')),
    client(my.packet(0, 4, 't\0')),
    upstream(Buffer.concat([my.column(1), my.eof(2)])),
    client(my.packet(0, 0x12, 'binlog')),
    upstream(my.packet(1, 0, 'event')),
  ],
  [
    upstream(my.greeting()),
    client(my.tlsRequest()),
    client(Buffer.from('160301', 'hex')),
    upstream(Buffer.from('160303', 'hex')),
  ],
  [
    ...my.opening(my.PLAIN | my.FLAG.compress),
    client(Buffer.from([1, 0, 0, 0, 0, 0, 0, 14])),
    upstream(Buffer.from([1, 0, 0, 1, 0, 0, 0, 0])),
  ],
  [upstream(my.failure(0, 1040, 'Too many connections'))],
];
