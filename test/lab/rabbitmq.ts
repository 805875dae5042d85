import { rabbitmqServer } from '../../engine/demo/servers/rabbitmq.ts';
import { missingServer } from '../../engine/host/server-process.ts';
import { type LabServer, startServer } from './server.ts';

/** For `skip` of a test: why it cannot run here, or false. */
export const noRabbitmq = (): string | false => missingServer(rabbitmqServer());

export interface Broker extends LabServer {
  /** amqp://guest:guest@127.0.0.1:PORT */
  readonly url: string;
}

/** A broker with one node and no plug-ins, whose files, cookie and port mapper are its own. */
export async function startRabbitmq(): Promise<Broker> {
  const broker = await startServer(rabbitmqServer());
  return { ...broker, url: `amqp://guest:guest@${broker.address}` };
}
