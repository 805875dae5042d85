import { fileURLToPath } from 'node:url';
import { type CommandSpec } from '../cli.ts';
import { followRun } from '../follow.ts';
import { serversOption, startShop } from '../shop.ts';
import { readSource } from '../values.ts';
import { type RunOptions, runOptions, withReports } from './run.ts';

const DEFAULT_FILE = fileURLToPath(new URL('../../../assets/experiments/slow-payments.yaml', import.meta.url));
/** Long enough to see, short enough to wait for. */
const DEFAULT_DURATION = 15_000;

export const demo: CommandSpec<RunOptions & { readonly keep?: true; readonly servers?: true }> = {
  usage: 'demo [file]',
  summary: 'a small shop with traffic, an experiment on it, and its post-mortem',
  details:
    'Starts the demo shop (storefront, orders, payments, ledger) with steady traffic on ports that are free, runs an experiment on it (slow-payments unless a file is given, shortened to 15 seconds), and ends the shop again. With --servers it speaks gRPC, SQL, Redis, MongoDB, Kafka and RabbitMQ as well, as far as their servers are installed (redis-server, postgres, mongod or FerretDB, Kafka on java, rabbitmq-server).',
  examples: [
    ['firebreak demo', 'payments answer 500 ms late; does checkout hold?'],
    ['firebreak demo assets/experiments/payments-outage.yaml', 'payments fail; watch the abort'],
    ['firebreak demo --servers assets/experiments/seven-protocols.yaml', 'strike seven protocols and the processor at once'],
    ['firebreak demo --keep', 'leave the shop open afterwards, to look around'],
  ],
  options: (command) => serversOption(runOptions(command)).option('--keep', 'keep the shop open after the experiment, until Ctrl-C'),
  act: async (cli, [file = DEFAULT_FILE], options) => {
    const source = await readSource(file);
    const { out, style } = cli;
    await using session = await cli.open();
    await using shop = await startShop(cli, session, options);
    if (!cli.json) {
      out.line(`\n  ${style.bold('The demo shop is open')}`);
      const width = Math.max(...shop.places.map(({ name }) => name.length));
      for (const { name, url } of shop.places) out.line(`  ${style.dim(name.padEnd(width))}  ${url}`);
      for (const note of shop.notes) out.line(`  ${note}`);
    }
    const code = await followRun(cli, session, {
      ...source,
      overrides: { durationMs: DEFAULT_DURATION, ...withReports(options) },
      routes: [...shop.routes],
    });
    if (options.keep === true && !cli.signal.aborted) {
      if (!cli.json) out.line(`\n  ${style.dim('The shop stays open until Ctrl-C.')}`);
      await new Promise<void>((resolve) => cli.interrupt.whenAsked(() => resolve()));
    }
    return code;
  },
};
