import { EXIT } from '../../kernel/errors.ts';
import { type CommandSpec } from '../cli.ts';

export const ca: CommandSpec = {
  usage: 'ca',
  summary: 'the certificate that clients must trust where a route terminates TLS',
  examples: [
    ['firebreak ca > firebreak-ca.pem', 'the authority of this machine, as PEM'],
    ['curl --cacert firebreak-ca.pem https://localhost:7443/', 'a client that trusts it'],
  ],
  act: async (cli) => {
    await using session = await cli.observe();
    const authority = await session.client.query('authority', {}, cli.signal);
    cli.show(authority, () => authority.certificate.trim());
    return EXIT.held;
  },
};
