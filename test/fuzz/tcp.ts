import type { Turn } from '../wire/replay.ts';

/** Bytes without a meaning, with and without a server that speaks first. */
export const protocol = 'tcp';
const client = (text: string): Turn => ({ from: 'client', bytes: Buffer.from(text, 'latin1') });
const upstream = (text: string): Turn => ({ from: 'upstream', bytes: Buffer.from(text, 'latin1') });

export const seeds = (): Turn[][] => [
  [
    upstream('INFO {"server_id":"x"}\r\n'),
    client('CONNECT {}\r\nPING\r\n'),
    upstream('PONG\r\n'),
    client('PUB a 2\r\nhi\r\n'),
  ],
  [
    client('\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04abcd'),
    upstream('\x20\x02\x00\x00'),
    client('\x30\x05\x00\x01ahi'),
  ],
];
