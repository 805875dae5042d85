import { createServer } from 'node:net';

/**
 * The simplest upstream there is: answers each request with the same bytes, found by the blank line at its end. Requests
 * of the bench have no body. Prints its port.
 */
const BODY = Buffer.alloc(128, 'x');
const ANSWER = Buffer.concat([
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\nConnection: keep-alive\r\n\r\n`),
  BODY,
]);

const server = createServer({ noDelay: true }, (socket) => {
  let state = 0;
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes: Buffer) => {
    // CR LF CR LF, which may be split between two reads.
    for (let i = bytes.length < 4 ? 0 : state > 0 ? 0 : bytes.length - 4; i < bytes.length; i++) {
      const c = bytes[i];
      state = c === (state % 2 === 0 ? 13 : 10) ? state + 1 : c === 13 ? 1 : 0;
      if (state === 4) {
        state = 0;
        socket.write(ANSWER);
      }
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`);
});
// Ends with the process that started it.
process.stdin.resume().on('end', () => process.exit(0));
