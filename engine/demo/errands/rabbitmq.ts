import { CONNECT_WITHIN, type Errand, inTime } from './errand.ts';

const QUEUE = 'errands';
/** A message that has not arrived after this long, milliseconds, is taken for lost and sent once more. */
const LOST_AFTER = 300;

/** Publishes a message and waits for its delivery; what does not arrive is published once more. */
export async function rabbitmqErrand(address: string): Promise<Errand> {
  const { connect } = await import('amqplib');
  const connection = await connect(`amqp://guest:guest@${address}`, { timeout: CONNECT_WITHIN });
  let broken: Error | undefined;
  const lost = (error: Error): void => void (broken ??= error);
  connection.on('error', lost);
  connection.on('close', () => lost(new Error('the connection was closed')));
  const channel = await connection.createConfirmChannel();
  channel.on('error', lost);
  await channel.assertQueue(QUEUE, { exclusive: true, durable: false });
  const awaited = new Map<string, () => void>();
  await channel.consume(QUEUE, (message) => {
    if (message === null) return lost(new Error('the broker ended the consumer'));
    channel.ack(message);
    awaited.get(message.content.toString())?.();
  });
  let [number, resent] = [0, 0];
  const publish = async (text: string, patience?: number): Promise<void> => {
    const arrived = new Promise<void>((resolve) => awaited.set(text, resolve));
    channel.sendToQueue(QUEUE, Buffer.from(text));
    await inTime(arrived, 'the delivery', patience).finally(() => awaited.delete(text));
  };
  return {
    get broken() {
      return broken;
    },
    run: async () => {
      const text = `errand ${++number}`;
      await publish(text, LOST_AFTER).catch((error: unknown) => {
        if (broken !== undefined) throw error;
        resent++;
        return publish(text);
      });
      return { number, resent };
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
