import { CONNECT_WITHIN, type Errand, PATIENCE } from './errand.ts';

/** Older documents are deleted now and then, so that a long game day fills no disk. */
const KEPT = 500;

/** Files a document and reads it back. */
export async function mongoErrand(address: string): Promise<Errand> {
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(`mongodb://${address}/`, {
    directConnection: true,
    maxPoolSize: 4,
    serverSelectionTimeoutMS: PATIENCE,
    connectTimeoutMS: CONNECT_WITHIN,
    socketTimeoutMS: PATIENCE,
    monitorCommands: true,
  });
  // The driver tries a write once more by itself where it may; otherwise nobody would see that the first one failed.
  let refused = 0;
  client.on('commandFailed', () => refused++);
  const documents = client.db('demo').collection<{ number: number; text: string }>('errands');
  let number = 0;
  return {
    run: async () => {
      const own = ++number;
      await documents.insertOne({ number: own, text: 'an errand' });
      if (own % KEPT === 0) await documents.deleteMany({ number: { $lte: own - KEPT } });
      const found = (await documents.findOne({ number: own })) !== null;
      return { number: own, found, refused };
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
