import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MongoClient, type MongoClientOptions } from 'mongodb';
import { type LabServer, startServer } from './server.ts';

/** FerretDB v1 on SQLite: it speaks MongoDB's wire protocol to the official driver. Installed by install-mongo.sh. */
const VERSION = 'v1.24.0';
const PROGRAM = join(
  process.env['FIREBREAK_LAB'] ?? join(homedir(), '.cache', 'firebreak-lab'),
  `ferretdb-${VERSION}`,
  'ferretdb',
);

/** For `skip` of a test: why it cannot run here, or false. */
export function mongoMissing(): string | false {
  return existsSync(PROGRAM)
    ? false
    : `FerretDB is not installed: run test/lab/install-mongo.sh (looked for ${PROGRAM})`;
}

/** As a replica set of one, because drivers retry writes only there. */
export function startMongo(): Promise<LabServer> {
  return startServer({
    program: PROGRAM,
    args: (folder, port) => [
      '--handler=sqlite',
      `--sqlite-url=file:${folder}/`,
      `--state-dir=${folder}`,
      `--listen-addr=127.0.0.1:${port}`,
      '--repl-set-name=lab',
      '--debug-addr=-',
      '--telemetry=disable',
      '--log-level=ERROR',
    ],
    ready: answers,
  });
}

async function answers(port: number): Promise<boolean> {
  await using client = clientOf(`127.0.0.1:${port}`, { serverSelectionTimeoutMS: 2_000 });
  return (await client.db('admin').command({ ping: 1 }))['ok'] === 1;
}

/** A client of the official driver that stays with this address, whatever a replica set says of itself. */
export function clientOf(address: string, options: MongoClientOptions = {}): MongoClient {
  return new MongoClient(`mongodb://${address}/`, { directConnection: true, ...options });
}
