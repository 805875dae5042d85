import { createServer } from 'node:net';

/** Sends so many bytes to whoever connects, then ends the connection. Argument: bytes. */
const BYTES = Number(process.argv[2]);
const piece = Buffer.alloc(262_144, 'x');
const server = createServer((socket) => {
  let left = BYTES;
  const more = (): void => {
    while (left > 0) {
      const length = Math.min(left, piece.length);
      left -= length;
      if (!socket.write(length === piece.length ? piece : piece.subarray(0, length))) return void socket.once('drain', more);
    }
    socket.end();
  };
  socket.on('error', () => {});
  more();
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ port: typeof address === 'object' ? address?.port : 0 })}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
