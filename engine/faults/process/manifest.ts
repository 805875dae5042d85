import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { DAY, duration, type FieldMeta, flag, HOUR, ratio, whole } from '../../kernel/fields.ts';
import { parseSelector, SELECTOR_HELP } from '../../kernel/process-selector.ts';

const params = z.object({
  action: z
    .enum(['stop', 'freeze', 'kill', 'terminate'], { error: 'expected stop, freeze, kill or terminate' })
    .default('stop')
    .meta({ help: 'Stop (and continue afterwards), freeze in a control group (the same, unseen by the process and with the children it starts), kill at once, or ask to terminate.', example: 'stop' } satisfies FieldMeta),
  probability: ratio('The chance that each process found is taken. With a percentage it applies to those chosen. 0 = not used.'),
  percentage: whole('The share of the processes found that is taken, never all of them. 0 = not used: one process.', 0, 99, 0, 'percent'),
  interval: duration('How often to choose again; 0 means once.', HOUR),
  jitter: ratio('By which share of itself each interval is made longer or shorter at random.'),
  stopDuration: duration('When a stopped or frozen process continues; 0 means at the end of the fault.', DAY),
  allowLast: flag('Allow the only process that matches to be taken.'),
  max: whole('How many processes are taken in all, over all intervals; 0 means no limit.', 0, 10_000),
});
export type ProcessParams = z.infer<typeof params>;

/** How hard each action is for the guard, in tenths: what is stopped comes back by itself, what is killed loses its memory. */
const WEIGHT = { stop: 5, freeze: 5, terminate: 6, kill: 7 } as const;
const VERB = { stop: 'Stops', freeze: 'Freezes', terminate: 'Terminates', kill: 'Kills' } as const;
/** Whether Firebreak itself can bring back what the action did. */
export const comesBack = (action: ProcessParams['action']): boolean => action === 'stop' || action === 'freeze';
/** Shorter rounds than this would leave no time to see a supervisor bring the process back. */
export const MIN_INTERVAL = 100;

export const processManifest = defineManifest({
  type: 'process',
  layer: 'host',
  summary: 'Stops, freezes, terminates or kills processes of this machine.',
  params,
  target: {
    required: true,
    help: SELECTOR_HELP,
    example: 'name:nginx',
    check: (target) => {
      const selector = parseSelector(target);
      return 'error' in selector
        ? { message: selector.error, hint: `write for example name:nginx, cmd:worker.js or pid:4711` }
        : undefined;
    },
  },
  noop: () => false,
  severity: (asked) => {
    const most = asked.percentage >= 50 || (asked.percentage === 0 && asked.probability >= 0.5);
    return Math.min(10, WEIGHT[asked.action] + (most ? 2 : 0) + (asked.interval > 0 ? 1 : 0)) / 10;
  },
  remarks: (asked) => (comesBack(asked.action) ? [] : ['irreversible']),
  explain: (asked, target) => {
    const share = asked.percentage > 0
      ? `${asked.percentage} % of the processes`
      : asked.probability > 0
      ? 'each process'
      : 'one process';
    const dice = asked.probability > 0
      ? `, with a chance of ${Math.round(asked.probability * 1_000) / 10} %${asked.percentage > 0 ? ' each' : ''}`
      : '';
    const jitter = asked.jitter > 0 ? ` give or take ${Math.round(asked.jitter * 100)} %` : '';
    const often = asked.interval > 0 ? `, again every ${formatDuration(asked.interval)}${jitter}` : '';
    const resume = !comesBack(asked.action)
      ? ''
      : asked.stopDuration > 0
      ? `, for ${formatDuration(asked.stopDuration)}`
      : ', until the fault ends';
    return `${VERB[asked.action]} ${share} that ${asked.percentage > 0 ? 'match' : 'matches'} ${target}${dice}${often}${resume}.`;
  },
  platforms: ['linux', 'darwin'],
  privileges: ['the right to signal the processes (the same user, or root); root to freeze them'],
  needsRoot: (asked) => asked.action === 'freeze',
  blastRadius: (asked) => (asked.percentage >= 50 || asked.probability >= 0.5 ? 2 : 1),
  verifyWithin: 5_000,
  check: (asked) => {
    const findings: { field: string; message: string; hint: string }[] = [];
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    if (asked.interval > 0 && asked.interval < MIN_INTERVAL) {
      find('interval', `expected 0 or at least ${MIN_INTERVAL}ms`, 'use a longer interval');
    }
    if (asked.jitter > 0 && asked.interval === 0) {
      find('jitter', 'expected an interval to vary', 'set interval, or leave jitter out');
    }
    if (asked.stopDuration > 0 && !comesBack(asked.action)) {
      find('stopDuration', 'expected action: stop or freeze', 'only a stopped process continues; leave it out');
    }
    return findings;
  },
});
