import { connect } from 'node:net';
import { errnoOf } from '../kernel/errors.ts';

const HERE = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Whether nobody listens at this address of this very machine: whatever served there has ended. False for other machines,
 * which may refuse for reasons of their own, and when it cannot be told.
 */
export function nobodyListens(host: string, port: number): Promise<boolean> {
  if (!HERE.has(host)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 });
    const settle = (refused: boolean): void => {
      socket.destroy();
      resolve(refused);
    };
    socket.once('connect', () => settle(false)).once('timeout', () => settle(false));
    socket.once('error', (error) => settle(errnoOf(error) === 'ECONNREFUSED'));
  });
}
