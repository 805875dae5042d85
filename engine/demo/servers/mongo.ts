import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ServerSpec } from '../../index.ts';
import { LAB } from './lab.ts';

/** FerretDB v1 on SQLite speaks MongoDB's wire protocol to the official driver; test/lab/install-mongo.sh builds it. */
export const FERRET = join(LAB, 'ferretdb-v1.24.0', 'ferretdb');

/** FerretDB, as a replica set of one, because drivers retry writes only there. */
export const ferretServer = (): ServerSpec => ({
  title: 'FerretDB',
  needs: [],
  missing: () => (existsSync(FERRET) ? '' : `neither mongod nor FerretDB (${FERRET}) is on this machine; test/lab/install-mongo.sh builds the latter`),
  command: ({ folder, port }) => [
    ...([FERRET, '--handler=sqlite', `--sqlite-url=file:${folder}/`, `--state-dir=${folder}`] as const),
    ...[`--listen-addr=127.0.0.1:${port}`, '--repl-set-name=lab', '--debug-addr=-', '--telemetry=disable', '--log-level=ERROR'],
  ],
  ready: answers,
});

/** MongoDB itself, by itself: no replica set. */
export const mongoServer = (): ServerSpec => ({
  title: 'MongoDB',
  needs: ['mongod'],
  command: ({ folder, port }) => ['mongod', '--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket', '--quiet'],
  ready: answers,
});

async function answers(port: number): Promise<boolean> {
  const { MongoClient } = await import('mongodb');
  await using client = new MongoClient(`mongodb://127.0.0.1:${port}/`, { directConnection: true, serverSelectionTimeoutMS: 2_000 });
  return (await client.db('admin').command({ ping: 1 }))['ok'] === 1;
}
