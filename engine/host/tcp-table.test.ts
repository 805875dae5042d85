import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTcpTable } from './tcp-table.ts';

/** As Linux prints it (proc_net(5)), on a little-endian machine. */
const FOUR = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1BBD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 000000007655f257 100 0 0 10 0
   1: 0100007F:1BBD 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 112 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1BBD 01 0000000A:00000000 01:00000014 00000000  1000        0 113 2 0000000000000000 20 4 30 10 -1
   3: 0100007F:C351 0100007F:1BBD 06 00000000:00000000 03:0000119A 00000000     0        0 0 3 0000000000000000
  10: 0100007F:0016 0200A8C0:D431 01 00000000:00000000 00:00000000 00000000     0        0 114 1 0000000000000000 20 4 30 10 -1
`;
const SIX = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1BBD 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 201 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:1BBD 0000000000000000FFFF00000100007F:C352 01 00000000:00000000 00:00000000 00000000     0        0 202 1 0000000000000000 20 4 30 10 -1
   2: 00000000000000000000000001000000:1BBD B80D0120000000000000000001000000:C353 01 00000000:00000000 00:00000000 00000000     0        0 203 1 0000000000000000 20 4 30 10 -1
`;

test('a table gives both ends, the state and the inode of the sockets asked for', () => {
  const sockets = parseTcpTable(FOUR.split('\n'), new Set([0x1bbd]));
  assert.deepEqual(sockets.map((s) => [s.localHost, s.localPort, s.remoteHost, s.remotePort, s.state, s.inode]), [
    ['127.0.0.1', 7101, '0.0.0.0', 0, 'listening', 111],
    ['127.0.0.1', 7101, '127.0.0.1', 50_000, 'established', 112],
    ['127.0.0.1', 50_000, '127.0.0.1', 7101, 'established', 113],
    ['127.0.0.1', 50_001, '127.0.0.1', 7101, 'other', 0],
  ]);
  assert.deepEqual(parseTcpTable(FOUR.split('\n'), new Set([22])).map((s) => s.remoteHost), ['192.168.0.2']);
});

test('IPv6 is written the short way, and IPv4 within it as IPv4', () => {
  const sockets = parseTcpTable(SIX.split('\n'), new Set([7101]));
  assert.deepEqual(sockets.map((s) => [s.localHost, s.remoteHost]), [['::', '::'], ['127.0.0.1', '127.0.0.1'], ['::1', '2001:db8::1']]);
});

test('what is no table gives nothing', () => {
  for (const text of ['', 'nonsense\n', FOUR.slice(0, 120)]) assert.deepEqual(parseTcpTable(text.split('\n'), new Set([7101])), []);
});
