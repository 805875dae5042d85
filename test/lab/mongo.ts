import { MongoClient, type MongoClientOptions } from 'mongodb';
import { ferretServer } from '../../engine/demo/servers/mongo.ts';
import { missingServer } from '../../engine/host/server-process.ts';
import { type LabServer, startServer } from './server.ts';

/** For `skip` of a test: why it cannot run here, or false. */
export const mongoMissing = (): string | false => missingServer(ferretServer());

/** FerretDB, installed by install-mongo.sh. */
export const startMongo = (): Promise<LabServer> => startServer(ferretServer());

/** A client of the official driver that stays with this address, whatever a replica set says of itself. */
export function clientOf(address: string, options: MongoClientOptions = {}): MongoClient {
  return new MongoClient(`mongodb://${address}/`, { directConnection: true, ...options });
}
