import { type Command } from 'commander';
import { type OpenShop, type ShopOptions } from '../demo/open.ts';
import { type Cli } from './cli.ts';
import { type Session } from './session.ts';

/** The option of every command that starts the demo shop. */
export const serversOption = (command: Command): Command =>
  command.option('--servers', 'the demo shop with every server that is installed here, so that it speaks their protocols too; names what is left out');

/** Starts the shop, and says beside the output that it is at work where that takes a while. `notes` tell what was started and left out. */
export async function startShop(cli: Cli, session: Session, options: { readonly seed?: number; readonly servers?: true }): Promise<OpenShop> {
  const { seed, servers = false } = options;
  if (servers && !cli.json) cli.err.line('Starting the servers that are installed; this takes some ten seconds.');
  const wanted: ShopOptions = { servers, ...(seed !== undefined && { seed }) };
  return await cli.parts.startDemo(session.client, wanted);
}
