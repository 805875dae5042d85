import { connect } from 'node:net';
import { type LabServer, startServer } from './server.ts';

/** A redis-server without persistence, with the users `default` (no password) and whatever `args` add. */
export function startRedis(...args: readonly string[]): Promise<LabServer> {
  return startServer({
    program: 'redis-server',
    args: (folder, port) => [
      '--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', '--daemonize', 'no',
      '--enable-debug-command', 'yes', ...args,
    ],
    ready: pings,
  });
}

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
