import { type LabServer, startServer } from './server.ts';

/** An MQTT broker of its own: without a configuration mosquitto listens on loopback alone and asks for no password. */
export const startMosquitto = (): Promise<LabServer> =>
  startServer({
    title: 'Mosquitto',
    needs: ['mosquitto'],
    command: ({ port }) => ['mosquitto', '-p', String(port)],
  });
