import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerSpec } from '../../index.ts';

/** The start script itself: the one that Debian puts on the PATH would change to another user. */
const PLACES = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server', '/usr/local/opt/rabbitmq/sbin/rabbitmq-server'];
const SCRIPT = PLACES.find((path) => existsSync(path));

/**
 * A broker with one node and no plug-ins, whose files, cookie and port mapper are its own. The port mapper (epmd) is its
 * helper: left to itself the node would start one that outlives it.
 */
export const rabbitmqServer = (): ServerSpec => ({
  title: 'RabbitMQ',
  needs: ['sh', 'erl', 'epmd'],
  missing: () => (SCRIPT === undefined ? 'rabbitmq-server is not installed on this machine' : ''),
  morePorts: 2,
  helper: ({ morePorts: [mapper] }) => ['epmd', '-port', String(mapper), '-address', '127.0.0.1'],
  files: ({ port }) => ({
    'rabbitmq.conf': `listeners.tcp.local = 127.0.0.1:${port}\nlog.console.level = warning\n`,
    plugins: '[].',
  }),
  command: () => ['sh', SCRIPT ?? ''],
  env: ({ folder, morePorts: [mapper, distribution] }) => ({
    HOME: folder,
    RABBITMQ_BASE: folder,
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_NODENAME: `firebreak${mapper}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
  }),
  ready: async (port) => {
    const { connect } = await import('amqplib');
    await (await connect(`amqp://127.0.0.1:${port}`)).close();
    return true;
  },
});
