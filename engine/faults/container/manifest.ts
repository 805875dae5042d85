import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest, type GuardRemark } from '../../kernel/fault.ts';
import { duration, type FieldMeta, flag, readWith, scoped, unread, whole } from '../../kernel/fields.ts';
import { parseSelector, SELECTOR_HELP } from './selector.ts';

const ACTIONS = ['pause', 'stop', 'kill', 'restart', 'disconnect', 'limit', 'stress'] as const;
type Action = (typeof ACTIONS)[number];

const only = readWith<Action>('action');
const MINUTE = 60_000;
/** The smallest memory limit that Docker takes, in MB. */
const LEAST_MEMORY = 6;

const params = z.object({
  action: z
    .enum(ACTIONS, { error: `expected ${ACTIONS.join(', ')}` })
    .default('pause')
    .meta({ help: 'Pause, stop (and start afterwards), kill, restart, disconnect from networks, limit CPU, memory or tasks, or stress from inside.', example: 'pause' } satisfies FieldMeta),
  count: scoped(whole('How many of the containers that match are taken.', 1, 1_000, 1)),
  percentage: scoped(whole('The share of the containers that match, instead of a count. 0 = not used.', 0, 100, 0, 'percent')),
  all: scoped(flag('Take all that match. Without it one is always left, unless the target is the name or id of one.')),
  grace: only(duration('How long a container may take to stop by itself before it is killed.', 5 * MINUTE, 10_000), 'stop', 'restart'),
  network: only(
    z.string({ error: 'expected text' }).max(200, 'expected at most 200 characters').default('')
      .meta({ help: 'The network to disconnect from; empty: all it is connected to.', example: 'shop_default' } satisfies FieldMeta),
    'disconnect',
  ),
  cpus: only(
    z.number({ error: 'expected a number of cores' }).min(0, 'expected 0 or more').max(512, 'expected at most 512').default(0)
      .meta({ help: 'How much processor time a container may take, in cores; 0 leaves it alone.', unit: 'cores', min: 0, max: 512, example: 0.25 } satisfies FieldMeta),
    'limit',
  ),
  memoryMB: only(whole('With limit: the memory a container may take; with stress: how much to hold. 0 leaves it alone.', 0, 1_048_576, 0, 'MB'), 'limit', 'stress'),
  pids: only(whole('How many tasks a container may have; 0 leaves it alone.', 0, 1_000_000), 'limit'),
  workers: only(whole('How many loops keep a core busy each, inside the container.', 0, 64), 'stress'),
  socket: scoped(
    z.string({ error: 'expected text' }).max(200, 'expected at most 200 characters').default('')
      .meta({ help: 'The socket of the container engine; empty: DOCKER_HOST, or where Docker or Podman usually listens.', example: '/run/podman/podman.sock' } satisfies FieldMeta),
  ),
});
export type ContainerParams = z.infer<typeof params>;

/** How hard each action is for the guard: what is paused comes back as it was, what ends loses its memory. */
const WEIGHT: Readonly<Record<Action, number>> = { pause: 0.5, stop: 0.6, kill: 0.7, restart: 0.6, disconnect: 0.6, limit: 0.3, stress: 0.3 };
const VERB: Readonly<Record<Action, string>> = {
  pause: 'Pauses', stop: 'Stops', kill: 'Kills', restart: 'Restarts', disconnect: 'Disconnects', limit: 'Limits', stress: 'Stresses',
};

function detailOf(asked: ContainerParams): string {
  const memory = asked.memoryMB > 0 ? [`${asked.memoryMB} MB`] : [];
  switch (asked.action) {
    case 'disconnect':
      return ` from ${asked.network === '' ? 'all its networks' : asked.network}`;
    case 'limit':
      return ` to ${[...(asked.cpus > 0 ? [`${asked.cpus} cores`] : []), ...memory, ...(asked.pids > 0 ? [`${asked.pids} tasks`] : [])].join(', ')}`;
    case 'stress':
      return ` with ${[...(asked.workers > 0 ? [`${asked.workers} busy loops`] : []), ...memory].join(' and ')}`;
    case 'stop':
    case 'restart':
      return `, with ${formatDuration(asked.grace)} to end by itself`;
    case 'pause':
    case 'kill':
      return '';
  }
}

export const containerManifest = defineManifest({
  type: 'container',
  layer: 'host',
  summary: 'Pauses, stops, kills, restarts, disconnects, limits or stresses containers of Docker or Podman.',
  params,
  target: {
    required: true,
    help: SELECTOR_HELP,
    example: 'service:shop/payments',
    check: (target) => {
      const selector = parseSelector(target);
      return 'error' in selector ? { message: selector.error, hint: 'write for example name:web, image:nginx or service:shop/api' } : undefined;
    },
  },
  noop: () => false,
  severity: (asked) => Math.min(1, WEIGHT[asked.action] + (asked.all || asked.percentage >= 50 ? 0.2 : 0)),
  remarks: (asked) => {
    const remarks: GuardRemark[] = [];
    if (asked.action === 'limit' && asked.memoryMB > 0) remarks.push('oom');
    return remarks;
  },
  explain: (asked, target) => {
    const share = asked.all ? 'all containers' : asked.percentage > 0 ? `${asked.percentage} % of the containers` : asked.count === 1 ? 'one container' : `${asked.count} containers`;
    return `${VERB[asked.action]} ${share} that ${share.startsWith('one ') ? 'matches' : 'match'} ${target}${detailOf(asked)}.`;
  },
  platforms: ['linux', 'darwin'],
  privileges: ["the right to use the container engine's socket (group docker, or root)"],
  // Who may use the socket needs no root: Injector.ownRights.
  needsRoot: () => true,
  blastRadius: (asked) => (asked.all ? 3 : 2),
  verifyWithin: 10_000,
  check: (asked) => {
    const findings = unread(params.shape, asked);
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    if (asked.all && (asked.percentage > 0 || asked.count > 1)) find('all', 'expected no count and no percentage beside it', 'say either how many, or all');
    if (asked.percentage === 100 && !asked.all) find('percentage', 'expected all: true for all of them', 'set all: true, or a smaller share');
    if (asked.action === 'limit' && asked.cpus === 0 && asked.memoryMB === 0 && asked.pids === 0) find('action', 'expected cpus, memory_mb or pids', 'say what to limit');
    if (asked.action === 'limit' && asked.cpus > 0 && asked.cpus < 0.01) find('cpus', 'expected 0 or at least 0.01', 'use at least 0.01');
    if (asked.action === 'limit' && asked.memoryMB > 0 && asked.memoryMB < LEAST_MEMORY) find('memoryMB', `expected 0 or at least ${LEAST_MEMORY}`, 'container engines take no less');
    if (asked.action === 'stress' && asked.workers === 0 && asked.memoryMB === 0) find('action', 'expected workers or memory_mb', 'say what to stress');
    return findings;
  },
});
