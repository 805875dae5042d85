import { type LabServer, startServer } from './server.ts';

/** A NATS server of its own, without JetStream. */
export const startNats = (): Promise<LabServer> =>
  startServer({
    title: 'NATS',
    needs: ['nats-server'],
    command: ({ folder, port }) => [
      'nats-server',
      '--addr',
      '127.0.0.1',
      '--port',
      String(port),
      '--pid',
      `${folder}/pid`,
    ],
  });
