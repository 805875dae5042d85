import type { ObjectId } from 'mongodb';
import { CONNECT_WITHIN, type Errand, PATIENCE } from './errand.ts';

/** Older documents are deleted, so that a long game day fills no disk and reads stay quick. */
const KEPT = 100;

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
  const documents = client.db('demo').collection('errands');
  const kept: ObjectId[] = [];
  let number = 0;
  return {
    run: async () => {
      const { insertedId } = await documents.insertOne({ text: 'an errand' });
      kept.push(insertedId);
      const found = (await documents.findOne({ _id: insertedId })) !== null;
      const old = kept.length > KEPT ? kept.shift() : undefined;
      if (old !== undefined) await documents.deleteOne({ _id: old });
      return { number: ++number, found, refused };
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
