import { realClock } from '../../kernel/clock.ts';
import { type Errand, PATIENCE } from './errand.ts';

/** What `services/rpc.ts` serves: the price of an article. Messages are JSON, so that no schema has to be compiled. */
export const PRICES = {
  quote: {
    path: '/firebreak.demo.Prices/Quote',
    requestStream: false,
    responseStream: false,
    requestSerialize: toBytes,
    requestDeserialize: fromBytes,
    responseSerialize: toBytes,
    responseDeserialize: fromBytes,
  },
} as const;

/** Asks what an article costs. */
export async function grpcErrand(address: string): Promise<Errand> {
  const { Client, credentials } = await import('@grpc/grpc-js');
  const client = new Client(address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = PRICES.quote;
  return {
    run: () =>
      new Promise((resolve, reject) => {
        const deadline = realClock.wall() + PATIENCE;
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { article: 'helmet' }, { deadline }, (error, value) => {
          if (error !== null) reject(error);
          else resolve(value ?? {});
        });
      }),
    [Symbol.asyncDispose]: async () => client.close(),
  };
}

function toBytes(message: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(JSON.stringify(message));
}
function fromBytes(bytes: Buffer): Record<string, unknown> {
  return JSON.parse(bytes.toString()) as Record<string, unknown>;
}
