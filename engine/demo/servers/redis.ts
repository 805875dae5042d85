import { connect } from 'node:net';
import { type ServerSpec } from '../../index.ts';

/** A redis-server that keeps nothing on disk, with the user `default` (no password) and whatever `args` add. */
export const redisServer = (...args: readonly string[]): ServerSpec => ({
  title: 'Redis',
  needs: ['redis-server'],
  command: ({ folder, port }) => [
    ...(['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--dir', folder] as const),
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no', ...args],
  ],
  ready: pings,
});

/** Whether it answers PING: it accepts connections before it serves. An error (a password is wanted) is an answer as well. */
function pings(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(!bytes.toString().startsWith('-LOADING'));
    });
    socket.once('error', reject);
  });
}
