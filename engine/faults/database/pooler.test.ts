import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../kernel/clock.ts';
import { noPostgres, PASSWORD, startPostgres, USER } from '../../../test/lab/postgres.ts';
import { missing, startServer } from '../../../test/lab/server.ts';
import { faultRequest } from '../../../test/support/fault-life.ts';
import { databaseInjector } from './injector.ts';
import { databaseManifest, type DatabaseParams } from './manifest.ts';

const VARIABLE = 'FIREBREAK_TEST_POOLER';

test('a pooler in between is recognised and refused', { skip: noPostgres || missing('pgbouncer'), timeout: 120_000 }, async () => {
  await using server = await startPostgres();
  await using pooler = await startServer({
    title: 'PgBouncer',
    needs: ['pgbouncer'],
    user: 'postgres', // it refuses root
    files: ({ folder, port }) => ({
      'users.txt': `"${USER}" "${PASSWORD}"\n`,
      'pgbouncer.ini': [
        '[databases]', `postgres = host=127.0.0.1 port=${server.port}`,
        '[pgbouncer]', 'listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =', 'auth_type = plain',
        `auth_file = ${join(folder, 'users.txt')}`, 'ignore_startup_parameters = extra_float_digits', '',
      ].join('\n'),
    }),
    command: ({ folder }) => ['pgbouncer', join(folder, 'pgbouncer.ini')],
  });
  process.env[VARIABLE] = `postgres://${USER}:${PASSWORD}@${pooler.address}/postgres`;
  try {
    const request = faultRequest<DatabaseParams>(databaseManifest, {}, { target: `env:${VARIABLE}` });
    await assert.rejects(databaseInjector({ clock: realClock }).plan(request, AbortSignal.timeout(60_000)), /is not the server but a pooler/);
  } finally {
    delete process.env[VARIABLE];
  }
});
