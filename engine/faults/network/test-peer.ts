import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * One end of what the tests measure, in whatever network namespace it is started. `serve PORT…` listens on TCP and UDP of
 * each port and, for every line on its standard input, says what has come since the last; `udp HOST PORT COUNT [PAUSE]`
 * sends numbered datagrams; `tcp HOST PORT MS` sends as much as it can; `refused HOST PORT` waits for a connection to
 * fail. Each says one line of JSON.
 */
const [mode = '', host = '', ...rest] = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const tell = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
/** The length of a numbered datagram: number, and bytes that are all the same unless damaged. */
const LENGTH = 200;
/** So many are sent at once, with a pause in between. */
const BURST = 20;

if (mode === 'serve') await serve([host, ...rest].map(Number));
if (mode === 'udp') await sendDatagrams(host, Number(rest[0]), Number(rest[1]), Number(rest[2] ?? 1));
if (mode === 'refused') await refused(host, Number(rest[0]));
if (mode === 'tcp') await sendStream(host, Number(rest[0]), Number(rest[1]));

async function serve(ports: readonly number[]): Promise<void> {
  let numbers: number[] = [];
  let damaged = 0;
  let bytes = 0;
  let [first, last] = [0, 0];
  for (const port of ports) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        // What comes at once with the first bytes was not slowed by anything.
        if (first === 0) first = performance.now();
        else bytes += chunk.length;
        last = performance.now();
      });
    }).listen(port, '::');
    await new Promise((resolve) => server.once('listening', resolve));
    const datagrams = createSocket({ type: 'udp6', recvBufferSize: 4 << 20 }).on('message', (message) => {
      if (message.length !== LENGTH || message.subarray(4).some((byte) => byte !== 0x55)) damaged++;
      else numbers.push(message.readUInt32BE(0));
      if (first === 0) first = performance.now();
      last = performance.now();
    });
    await new Promise<void>((resolve) => void datagrams.bind(port, '::', () => resolve()));
  }
  let before = overflowed();
  tell({ ready: true });
  process.stdin.on('data', async () => {
    // What was sent last may not have been read yet, by a process that has to wait for its turn.
    for (let seen = -1; seen !== numbers.length + damaged || waiting() > 0; ) {
      seen = numbers.length + damaged;
      await sleep(100);
    }
    const unique = new Set(numbers).size;
    let highest = -1;
    const late = numbers.filter((number) => number < (highest = Math.max(highest, number))).length;
    const overflow = overflowed() - before;
    before += overflow;
    tell({ datagrams: numbers.length, unique, late, damaged, overflow, bytes, ms: last - first });
    numbers = [];
    [damaged, bytes, first, last] = [0, 0, 0, 0];
  });
  process.stdin.on('end', () => process.exit(0));
}

/** Bytes that came and were not read yet (the second half of the column tx_queue:rx_queue). */
function waiting(): number {
  const lines = readFileSync('/proc/self/net/udp6', 'utf8').trim().split('\n').slice(1);
  return lines.reduce((sum, line) => sum + parseInt(line.trim().split(/\s+/)[4]?.split(':')[1] ?? '0', 16), 0);
}

/** Datagrams that came and found no room: nobody has read fast enough (the last column of /proc/net/udp6). */
function overflowed(): number {
  const lines = readFileSync('/proc/self/net/udp6', 'utf8').trim().split('\n').slice(1);
  return lines.reduce((sum, line) => sum + Number(line.trim().split(/\s+/).at(-1)), 0);
}

async function sendDatagrams(to: string, port: number, count: number, pause: number): Promise<void> {
  const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
  let failed = 0;
  for (let i = 0; i < count; i += BURST) {
    const burst = Array.from({ length: Math.min(BURST, count - i) }, (_, k) => i + k).map((number) => {
      const message = Buffer.alloc(LENGTH, 0x55);
      message.writeUInt32BE(number, 0);
      return new Promise<void>((resolve) => socket.send(message, port, to, (error) => { if (error !== null) failed++; resolve(); }));
    });
    await Promise.all(burst);
    await sleep(pause);
  }
  socket.close();
  tell({ sent: count, failed });
}

async function sendStream(to: string, port: number, ms: number): Promise<void> {
  const socket = connect(port, to);
  socket.on('error', () => {});
  const chunk = Buffer.alloc(16_384, 0x55);
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), sleep(100)]);
  }
  socket.destroy();
  tell({ done: true });
}

async function refused(to: string, port: number): Promise<void> {
  const socket = connect(port, to);
  tell({ [await new Promise<string>((resolve) => socket.once('error', (error) => resolve('code' in error ? String(error.code) : '')).once('connect', () => resolve('connected')))]: 1 });
  socket.destroy();
}
