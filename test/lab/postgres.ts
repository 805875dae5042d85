import { postgresServer } from '../../engine/demo/servers/postgres.ts';
import { type LabServer, missing, startServer } from './server.ts';

export { PASSWORD, urlOf, USER } from '../../engine/demo/servers/postgres.ts';

/** Who needs no password, so that whoever speaks the protocol by hand need not do the arithmetic of SCRAM; a test that wants this role creates it. */
export const RAW_USER = 'raw';

/** For `skip` of a test: why PostgreSQL cannot be started here, or false. */
export const noPostgres = missing('initdb', 'postgres');

/**
 * Starts a PostgreSQL of its own, which forgets everything when a test ends it.
 * @param tls it also takes clients that ask for TLS; needs openssl.
 */
export const startPostgres = (tls = false): Promise<LabServer> =>
  startServer(postgresServer({ tls, trusted: RAW_USER }));
