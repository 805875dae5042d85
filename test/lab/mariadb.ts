import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LabServer, missing, programOf, startServer } from './server.ts';

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
  startServer({
    program: 'mariadbd',
    prepare: (folder) => {
      const install = programOf('mariadb-install-db') ?? 'mariadb-install-db';
      const made = spawnSync(
        install,
        [
          '--no-defaults',
          `--datadir=${join(folder, 'data')}`,
          '--auth-root-authentication-method=normal',
          '--skip-test-db',
          '--skip-name-resolve',
          ...AS,
        ],
        { encoding: 'utf8', timeout: 100_000 },
      );
      if (made.status !== 0) throw new Error(`mariadb-install-db: ${made.stdout}${made.stderr}`);
      const sql = [
        `CREATE DATABASE IF NOT EXISTS ${DATABASE};`,
        `CREATE USER IF NOT EXISTS '${USER}'@'%' IDENTIFIED BY '${PASSWORD}';`,
        `GRANT ALL ON *.* TO '${USER}'@'%' WITH GRANT OPTION;`,
      ];
      // One statement a line: that is how the server reads its init file.
      writeFileSync(join(folder, 'init.sql'), `${sql.join('\n')}\n`);
    },
    args: (folder, port) => [
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
  });
