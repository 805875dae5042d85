import { Option } from 'commander';
import { manifests } from '../../contract/fault-types.ts';
import { type FaultManifest } from '../../kernel/fault.ts';
import { type CommandSpec } from '../cli.ts';
import { duration, durationOrNone } from '../values.ts';
import { injectOne } from './inject.ts';

interface SnipeOptions {
  readonly target: string;
  readonly probability: string;
  readonly interval: number;
  readonly ttl: number;
  readonly plan?: true;
}

/** `name:` unless the target says how it names its processes. */
const selector = (target: string): string => (/^[a-z]+:/.test(target) ? target : `name:${target}`);

export const snipe: CommandSpec<SnipeOptions> = {
  usage: 'snipe',
  summary: 'kill a process now and then, by chance, and see whether its supervisor brings it back',
  details: 'The same as `firebreak inject process --action kill`. Never the last process that matches, nor the first of the system, Firebreak, its ancestors or an SSH session. What is killed can be brought back only by its own supervisor.',
  examples: [
    ['firebreak snipe --target worker-app --probability 0.2 --interval 10s', 'each worker dies with a chance of 20 %, every 10 seconds'],
    ['firebreak snipe --target cmd:worker.js --plan', 'who would be hit; changes nothing'],
  ],
  options: (command) =>
    command
      .requiredOption('--target <text>', `a program, or ${manifests.process.target.help}`)
      .option('--probability <0-1>', 'the chance of each process, each time', '1')
      .addOption(new Option('--interval <d>', 'how often to shoot; 0 means once').argParser(durationOrNone).default(10_000, '10s'))
      .addOption(new Option('--ttl <d>', 'when to stop').argParser(duration).default(600_000, '10m'))
      .option('--plan', 'show who would be hit; change nothing'),
  act: (cli, _args, { target, probability, interval, ttl, plan }) =>
    injectOne(cli, manifests.process as FaultManifest, {
      target: selector(target),
      ttl,
      action: 'kill',
      probability,
      interval: `${interval}ms`,
      ...(plan !== undefined && { plan }),
    }),
};
