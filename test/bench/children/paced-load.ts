import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * A load of a given pace: keep-alive connections that ask `paths` different paths in turn, each with one request under
 * way. Arguments: port, requests per second, connections, paths. What the connections cannot take at its time is not
 * asked later: `missed` counts it, so that a slow machine shows as a lower rate and never as a flood.
 *
 * For each line on stdin it prints one: `counts` gives a `Counts`; `mark` also begins a new count of faulty and clean
 * responses; `settled` answers as soon as each connection has brought `CLEAN` clean responses after its last faulty one.
 */
export interface Counts {
  readonly clean: number;
  readonly faulty: number;
  readonly missed: number;
  readonly lost: number;
  /** Wall-clock time of the newest faulty response by this process's clock, milliseconds with fractions; 0 when there was none. */
  readonly lastFaultyAt: number;
  /** What must be added to that for the system's time. */
  readonly skew: number;
}
export interface Question {
  readonly ask: 'counts' | 'mark' | 'settled';
}

const [port = 0, rate = 2_000, connections = 25, paths = 50] = process.argv.slice(2).map(Number);
/** How often requests that are due are sent, milliseconds. */
const TICK = 2;
/** Requests that are due and find no free connection: more than this are counted as missed. */
const WAITING = Math.ceil(rate / 10);
/** Clean responses in a row on one connection after which its faults count as over. */
const CLEAN = 3;
/** A connection that broke is opened again after this, milliseconds. */
const AGAIN = 50;

const REQUESTS = Array.from({ length: paths }, (_, index) =>
  Buffer.from(`GET /t${String(index).padStart(2, '0')} HTTP/1.1\r\nHost: bench\r\nUser-Agent: firebreak-bench\r\nAccept: */*\r\nX-Request-Id: 5f0c954e-3d3b-4d0e-9a51\r\n\r\n`),
);

let [clean, faulty, missed, lost, lastFaultyAt] = [0, 0, 0, 0, 0];
let next = 0;
/** Clean responses in a row by connection. */
const inRow = new Array<number>(connections).fill(0);
const idle: { readonly socket: Socket; readonly index: number }[] = [];
let settled: (() => void) | undefined;

function open(index: number): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let text = '';
  socket.on('connect', () => idle.push({ socket, index }));
  socket.on('data', (data) => {
    text += data.toString('latin1');
    const end = responseEnd(text);
    if (end < 0) return;
    answered(index, text.startsWith('HTTP/1.1 200'));
    text = text.slice(end);
    idle.push({ socket, index });
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    lost++;
    const place = idle.findIndex((one) => one.socket === socket);
    if (place >= 0) idle.splice(place, 1);
    setTimeout(open, AGAIN, index);
  });
}

function answered(index: number, good: boolean): void {
  if (good) {
    clean++;
    inRow[index] = (inRow[index] ?? 0) + 1;
    if (settled !== undefined && inRow.every((count) => count >= CLEAN)) settled();
  } else {
    faulty++;
    inRow[index] = 0;
    lastFaultyAt = performance.timeOrigin + performance.now();
  }
}

/** Where the first response in the text ends; -1 when it is not complete. */
function responseEnd(text: string): number {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return -1;
  const length = Number(/content-length: *(\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= head + 4 + length ? head + 4 + length : -1;
}

for (let index = 0; index < connections; index++) open(index);
const began = performance.now();
let sent = 0;
setInterval(() => {
  const due = Math.floor(((performance.now() - began) / 1_000) * rate) - sent;
  for (let turn = 0; turn < due; turn++) {
    // The oldest first, so that every connection is used.
    const free = idle.shift();
    if (free === undefined) {
      const over = due - turn - WAITING;
      if (over > 0) {
        missed += over;
        sent += over;
      }
      return;
    }
    free.socket.write(REQUESTS[next++ % paths] as Buffer);
    sent++;
  }
}, TICK);

/** Read at the tick of a millisecond, because the system tells no finer. */
function skew(): number {
  const start = Date.now();
  for (;;) {
    const now = Date.now();
    if (now !== start) return now - (performance.timeOrigin + performance.now());
  }
}
const counts = (): Counts => ({ clean, faulty, missed, lost, lastFaultyAt, skew: skew() });
const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { ask } = JSON.parse(line) as Question;
    if (ask === 'settled') {
      const tell = (): void => {
        settled = undefined;
        say(counts());
      };
      if (inRow.every((count) => count >= CLEAN)) tell();
      else settled = tell;
      return;
    }
    say(counts());
    if (ask === 'mark') [clean, faulty, missed, lost, lastFaultyAt] = [0, 0, 0, 0, 0];
  })
  .on('close', () => process.exit(0));
process.stdout.write('{}\n');
