import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LAB } from '../../engine/demo/servers/lab.ts';
import { DATABASE, PASSWORD, USER } from './mariadb.ts';
import type { ServerSpec } from '../../engine/host/server-process.ts';
import { type LabServer, startServer } from './server.ts';

/** Real MySQL servers; install-mysql.sh fetches them. Database, user and password are those of mariadb.ts. */
export type MysqlVersion = '5.7.22' | '8.0.15';
const homeOf = (version: MysqlVersion): string => join(LAB, `mysql-${version}`);

/** For `skip` of a test: why it cannot run here, or false. */
export const noMysql = (version: MysqlVersion): string | false =>
  existsSync(join(homeOf(version), 'complete'))
    ? false
    : `MySQL ${version} is not on this machine; test/lab/install-mysql.sh fetches it`;

/** The server refuses to run as root unless it is told to; folders of tests belong to whoever runs them. */
const AS = process.getuid?.() === 0 ? ['--user=root'] : [];

/**
 * Starts one. `app` is known by the plugin that this version takes for new users: mysql_native_password until 5.7,
 * caching_sha2_password from 8.0.
 * @param options more for the command line of the server, such as `--max-connections=2`.
 */
export const startMysql = (version: MysqlVersion, ...options: readonly string[]): Promise<LabServer> =>
  startServer(mysqlServer(version, ...options));

export function mysqlServer(version: MysqlVersion, ...options: readonly string[]): ServerSpec {
  const home = homeOf(version);
  return {
    title: `MySQL ${version}`,
    needs: [join(home, 'bin', 'mysqld')],
    files: () => ({
      'init.sql': [
        `CREATE DATABASE IF NOT EXISTS ${DATABASE};\n`,
        `CREATE USER IF NOT EXISTS '${USER}'@'%' IDENTIFIED BY '${PASSWORD}';\n`,
        `GRANT ALL ON *.* TO '${USER}'@'%' WITH GRANT OPTION;\n`,
      ].join(''),
    }),
    first: ({ folder }) => [['cp', '-r', '--sparse=always', join(home, 'data'), join(folder, 'data')]],
    command: ({ folder, port }) => [
      join(home, 'bin', 'mysqld'),
      '--no-defaults',
      ...AS,
      `--basedir=${home}`,
      `--lc-messages-dir=${join(home, 'share')}`,
      `--datadir=${join(folder, 'data')}`,
      `--tmpdir=${folder}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 's')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--init-file=${join(folder, 'init.sql')}`,
      '--skip-name-resolve',
      '--innodb-buffer-pool-size=16M',
      '--innodb-log-file-size=8M',
      '--innodb-flush-log-at-trx-commit=0',
      '--performance-schema=OFF',
      '--local-infile=1',
      ...(version === '8.0.15' ? ['--disable-log-bin', '--mysqlx=0'] : []),
      ...options,
    ],
    // It takes seconds to end in order, and nothing of it is kept.
    stopSignal: 'SIGKILL',
  };
}
