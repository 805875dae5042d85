import { type IncomingMessage, type ServerResponse } from 'node:http';
import { messageOf } from '../../kernel/errors.ts';
import { EXIT } from '../../kernel/errors.ts';
import { listenLoopback } from '../../transport/websocket.ts';
import { type CommandSpec } from '../cli.ts';
import { type Session } from '../session.ts';
import { whole } from '../values.ts';

export const serve: CommandSpec<{ readonly port: number }> = {
  usage: 'serve',
  summary: 'keep an engine running for clients on this machine, until Ctrl-C',
  details: 'Listens on 127.0.0.1 only. The address holds a secret: whoever has it can inject faults. Prometheus scrapes the metrics address as it is, or with the secret as a bearer token.',
  examples: [['firebreak serve', 'on a free port'], ['firebreak serve --port 7070', 'on a port of your choice']],
  options: (command) => command.option('--port <n>', 'the port; 0 takes a free one', whole(0, 65_535), 0),
  act: async (cli, _args, { port }) => {
    await using session = await cli.open();
    await using server = await listenLoopback((client) => void session.serve(client), { port, page: metricsPage(session) });
    const metrics = `http://127.0.0.1:${server.port}/metrics?token=${server.token}`;
    cli.show({ url: server.url, metrics }, () => `engine   ${server.url}\nmetrics  ${metrics}`);
    await new Promise<void>((resolve) => cli.interrupt.whenAsked(() => resolve()));
    return EXIT.held;
  },
};

const metricsPage =
  ({ client }: Session) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    if (new URL(request.url ?? '/', 'http://127.0.0.1').pathname !== '/metrics') return false;
    client.query('metrics', {}).then(
      (text) => {
        // Content type of the Prometheus text exposition format 0.0.4.
        response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' });
        response.end(text);
      },
      (error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
        response.end(`${messageOf(error)}\n`);
      },
    );
    return true;
  };
