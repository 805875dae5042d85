import { createServer } from 'node:net';
import { Pipe, type PipeOwner } from '../../../engine/wire/pipe.ts';

/**
 * The cheapest upstream there is, so that the machine's time goes to the proxies: answers each request with the same
 * bytes, found by the blank line at its end. Requests of the bench have no body. Prints its port.
 */
const BODY = Buffer.alloc(128, 'x');
const ANSWER = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\nConnection: keep-alive\r\n\r\n`),
  BODY,
]);

/** How much of CR LF CR LF the last bytes of a connection were; it may be split between two reads. */
const progress = new WeakMap<Pipe, number>();
const owner: PipeOwner = {
  received: (pipe, bytes, length) => {
    let state = progress.get(pipe) ?? 0;
    // The load has one request under way on each connection, so its end is the end of what was read.
    for (let i = state > 0 || length < 4 ? 0 : length - 4; i < length; i++) {
      const c = bytes[i];
      state = c === (state % 2 === 0 ? 13 : 10) ? state + 1 : c === 13 ? 1 : 0;
      if (state === 4) {
        state = 0;
        pipe.write(ANSWER);
      }
    }
    progress.set(pipe, state);
    return true;
  },
  drained: () => {},
  ended: (pipe) => pipe.end(),
  failed: (pipe) => pipe.destroy(),
  closed: () => {},
};

const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => void Pipe.accept(owner, socket));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`);
});
// Ends with the process that started it.
process.stdin.resume().on('end', () => process.exit(0));
