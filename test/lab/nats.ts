import { type LabServer, startServer } from './server.ts';

/** A NATS server of its own, without JetStream. */
export const startNats = (): Promise<LabServer> =>
  startServer({
    program: 'nats-server',
    args: (folder, port) => ['--addr', '127.0.0.1', '--port', String(port), '--pid', `${folder}/pid`],
  });
