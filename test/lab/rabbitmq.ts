import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { freePort, type LabServer, missing, startServer } from './server.ts';

/** The start script itself: the one on the PATH would change to another user. */
const SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** For `skip` of a test: why it cannot run here, or false. */
export const noRabbitmq = (): string | false =>
  missing('erl', 'epmd', 'sh') || (existsSync(SCRIPT) ? false : 'rabbitmq-server is not installed on this machine');

export interface Broker extends LabServer {
  /** amqp://guest:guest@127.0.0.1:PORT */
  readonly url: string;
}

/**
 * A broker with one node and no plug-ins, whose files, cookie and port mapper are its own. The port mapper (epmd) is a
 * child of ours: left to itself the node would start one that outlives it.
 */
export async function startRabbitmq(): Promise<Broker> {
  const stack = new AsyncDisposableStack();
  try {
    const mapper = stack.use(
      await startServer({
        program: 'epmd',
        args: (_folder, port) => ['-port', String(port), '-address', '127.0.0.1'],
      }),
    );
    const distribution = await freePort();
    const broker = stack.use(
      await startServer({
        program: 'sh',
        args: () => [SCRIPT],
        env: (folder) => ({
          HOME: folder,
          RABBITMQ_BASE: folder,
          RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
          RABBITMQ_LOG_BASE: join(folder, 'log'),
          RABBITMQ_LOGS: '-',
          RABBITMQ_PID_FILE: join(folder, 'pid'),
          RABBITMQ_NODENAME: `firebreak${mapper.port}@localhost`,
          RABBITMQ_DIST_PORT: String(distribution),
          RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
          RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
          RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
          RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
          ERL_EPMD_PORT: String(mapper.port),
          ERL_EPMD_ADDRESS: '127.0.0.1',
        }),
        prepare: (folder, port) => {
          writeFileSync(
            join(folder, 'rabbitmq.conf'),
            `listeners.tcp.local = 127.0.0.1:${port}\nlog.console.level = warning\n`,
          );
          writeFileSync(join(folder, 'plugins'), '[].');
        },
        ready: async (port) => {
          await (await connect(`amqp://127.0.0.1:${port}`)).close();
          return true;
        },
      }),
    );
    const url = `amqp://guest:guest@${broker.address}`;
    return { ...broker, url, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}
