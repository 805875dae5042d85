import { join } from 'node:path';
import { type ServerSpec } from '../../engine/host/server-process.ts';
import { type LabServer, missing, startServer } from './server.ts';

/** A MariaDB server with an empty database `shop` and the user `app` with the password `secret`, who may do everything. */
export const noMariaDb: string | false = missing('mariadbd', 'mariadb-install-db');
export const noMariaDbClient: string | false = missing('mariadbd', 'mariadb-install-db', 'mariadb');
export const USER = 'app';
export const PASSWORD = 'secret';
export const DATABASE = 'shop';

/** The server refuses to run as root unless it is told to; folders of tests belong to whoever runs them. */
const AS = process.getuid?.() === 0 ? ['--user=root'] : [];

/** @param options more for the command line of the server, such as `--max-connections=2`. */
export const startMariaDb = (...options: readonly string[]): Promise<LabServer> =>
  startServer(mariaDbServer(...options));

export function mariaDbServer(...options: readonly string[]): ServerSpec {
  return {
    title: 'MariaDB',
    needs: ['mariadbd', 'mariadb-install-db'],
    // As it starts it removes temporary tables of others: two that start at once must not share a folder for these.
    env: ({ folder }) => ({ TMPDIR: folder }),
    // One statement a line: that is how the server reads its init file.
    files: () => ({
      'init.sql': [
        `CREATE DATABASE IF NOT EXISTS ${DATABASE};\n`,
        `CREATE USER IF NOT EXISTS '${USER}'@'%' IDENTIFIED BY '${PASSWORD}';\n`,
        `GRANT ALL ON *.* TO '${USER}'@'%' WITH GRANT OPTION;\n`,
      ].join(''),
    }),
    first: ({ folder }) => [
      [
        'mariadb-install-db',
        '--no-defaults',
        `--datadir=${join(folder, 'data')}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        '--skip-name-resolve',
        ...AS,
      ],
    ],
    command: ({ folder, port }) => [
      'mariadbd',
      '--no-defaults',
      ...AS,
      `--datadir=${join(folder, 'data')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 's')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--init-file=${join(folder, 'init.sql')}`,
      '--skip-name-resolve',
      '--skip-log-bin',
      '--innodb-buffer-pool-size=16M',
      '--innodb-log-file-size=8M',
      '--innodb-flush-log-at-trx-commit=0',
      '--performance-schema=OFF',
      '--local-infile=1',
      ...options,
    ],
  };
}
