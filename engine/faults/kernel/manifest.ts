import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { duration, type FieldMeta, ratio, readWith, scoped, unread, whole } from '../../kernel/fields.ts';
import { parseSelector, SELECTOR_HELP } from '../../kernel/process-selector.ts';

/** What each action can answer with; the first is the default. */
export const ERRORS = {
  connect: ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EACCES', 'EPERM', 'EADDRNOTAVAIL'],
  bind: ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES'],
  socket: ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAFNOSUPPORT'],
  call: ['EIO', 'ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'ENOENT', 'EINTR', 'EAGAIN', 'EMFILE', 'ENOMEM', 'ECONNRESET', 'EPIPE', 'none'],
  packet: [],
} as const satisfies Record<string, readonly string[]>;
const ACTIONS = ['connect', 'bind', 'socket', 'packet', 'call'] as const;
const ALL_ERRORS = [...new Set(ACTIONS.flatMap((action): readonly string[] => ERRORS[action]))] as [string, ...string[]];

/** The calls that may be struck: those with which a program reaches files and peers. Without others it could not even end. */
export const CALLS = [
  'read', 'readv', 'pread64', 'preadv', 'write', 'writev', 'pwrite64', 'pwritev', 'open', 'openat', 'creat', 'fsync', 'fdatasync', 'fallocate',
  'ftruncate', 'rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'mkdir', 'mkdirat', 'stat', 'fstat', 'newfstatat', 'statx', 'getdents64',
  'sendto', 'recvfrom', 'sendmsg', 'recvmsg', 'accept4',
] as const;
const isCall = (name: string): boolean => (CALLS as readonly string[]).includes(name);
export const callsOf = (text: string): readonly string[] => text.split(',').map((name) => name.trim()).filter((name) => name !== '');

const only = readWith<(typeof ACTIONS)[number]>('action');

const params = z.object({
  action: z
    .enum(ACTIONS, { error: `expected ${ACTIONS.join(', ')}` })
    .default('connect')
    .meta({ help: 'Which calls to the kernel fail: connect, bind, the making of a socket, any call by its name; or packet: packets are dropped.', example: 'connect' } satisfies FieldMeta),
  errno: only(
    z
      .enum(['', ...ALL_ERRORS], { error: `expected one of ${ALL_ERRORS.join(', ')}` })
      .default('')
      .meta({ help: 'The error that the program gets. Empty: the most usual one of the action.', example: 'ETIMEDOUT' } satisfies FieldMeta),
    'connect', 'bind', 'socket', 'call',
  ),
  port: only(scoped(whole('Only connections to this port; with bind the port itself, with packet that of either end. 0 means any.', 0, 65_535)), 'connect', 'bind', 'packet'),
  probability: only(ratio('The chance that each call or packet is struck.', 1), 'connect', 'bind', 'socket', 'packet'),
  direction: only(
    z
      .enum(['both', 'egress', 'ingress'], { error: 'expected both, egress or ingress' })
      .default('both')
      .meta({ help: 'Which packets: those sent (egress: the sender is told EPERM), those received, or both.', example: 'ingress' } satisfies FieldMeta),
    'packet',
  ),
  calls: only(
    z
      .string({ error: 'expected text' })
      .max(400, 'expected at most 400 characters')
      .default('')
      .meta({ help: `System calls, separated by commas: ${CALLS.join(', ')}.`, example: 'read,pread64' } satisfies FieldMeta),
    'call',
  ),
  path: only(
    z
      .string({ error: 'expected text' })
      .max(4_096, 'expected at most 4096 characters')
      .default('')
      .meta({ help: 'Only calls on this file. Empty means any.', example: '/var/lib/app/data.db', part: 'scope' } satisfies FieldMeta),
    'call',
  ),
  everyNth: only(
    z
      .int({ error: 'expected a whole number from 1 to 1000000' })
      .min(1, 'expected a whole number from 1 to 1000000')
      .max(1_000_000, 'expected a whole number from 1 to 1000000')
      .default(1)
      .meta({ help: 'Every nth call of each thread is struck; 3 is every third.', unit: 'count', min: 1, max: 1_000_000, example: 3 } satisfies FieldMeta),
    'call',
  ),
  delay: only(duration('How long each struck call waits first.', 60_000), 'call'),
  percentage: whole('The share of the processes found that is struck; 100 for all of them. 0 = one process.', 0, 100, 0, 'percent'),
});
export type KernelParams = z.infer<typeof params>;

/** The error by name; '' when the calls are only delayed, or when packets are dropped. */
export function errnoOf({ action, errno, delay }: KernelParams): string {
  if (errno === 'none') return '';
  if (errno !== '') return errno;
  return action === 'call' && delay > 0 ? '' : (ERRORS[action][0] ?? '');
}

const WHAT = { connect: 'Connections', bind: 'Attempts to listen', socket: 'New sockets' } as const;

export const kernelManifest = defineManifest({
  type: 'kernel',
  layer: 'host',
  summary: 'Makes calls to the kernel fail, or drops packets, for chosen processes alone.',
  params,
  target: {
    required: true,
    help: SELECTOR_HELP,
    example: 'name:worker',
    check: (target) => {
      const selector = parseSelector(target);
      return 'error' in selector ? { message: selector.error, hint: 'write for example name:nginx, cmd:worker.js or pid:4711' } : undefined;
    },
  },
  noop: (asked) => asked.probability === 0 && asked.action !== 'call',
  severity: (asked) => {
    const often = asked.action === 'call' ? 1 / asked.everyNth : asked.probability;
    return Math.min(1, (0.4 + 0.4 * often) * (asked.percentage >= 50 ? 1.2 : 1));
  },
  remarks: () => [],
  explain: (asked, target) => {
    const whose = `${asked.percentage === 0 ? 'one process' : asked.percentage === 100 ? 'all processes' : `${asked.percentage} % of the processes`} that match${asked.percentage === 0 ? 'es' : ''} ${target}`;
    const port = asked.port > 0 ? ` ${asked.action === 'connect' ? 'to' : 'of'} port ${asked.port}` : '';
    const chance = asked.probability < 1 ? `, with a chance of ${Math.round(asked.probability * 1_000) / 10} %` : '';
    if (asked.action === 'packet') return `Drops packets${port} ${asked.direction === 'both' ? 'from and to' : asked.direction === 'egress' ? 'from' : 'to'} ${whose}${chance}.`;
    const error = errnoOf(asked);
    if (asked.action !== 'call') return `${WHAT[asked.action]}${port} of ${whose} fail with ${error}${chance}.`;
    const every = asked.everyNth > 1 ? `Every ${asked.everyNth}th call` : 'Each call';
    const does = [asked.delay > 0 ? `waits ${formatDuration(asked.delay)}` : '', error === '' ? '' : `fails with ${error}`].filter(Boolean).join(' and then ');
    return `${every} of ${callsOf(asked.calls).join(', ')}${asked.path === '' ? '' : ` on ${asked.path}`} by ${whose} ${does}.`;
  },
  platforms: ['linux'],
  privileges: ['root, to load BPF programs and to trace processes'],
  needsRoot: () => true,
  blastRadius: (asked) => (asked.percentage >= 50 ? 2 : 1),
  verifyWithin: 10_000,
  check: (asked) => {
    const findings = unread(params.shape, asked);
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    const possible: readonly string[] = ERRORS[asked.action];
    if (asked.errno !== '' && possible.length > 0 && !possible.includes(asked.errno)) {
      find('errno', `expected ${possible.join(', ')} with action: ${asked.action}`, 'use one of these, or leave it out');
    }
    if (asked.action !== 'call') return findings;
    const calls = callsOf(asked.calls);
    if (calls.length === 0) find('calls', 'expected the system calls that are struck', 'such as calls: read,pread64');
    for (const name of calls) if (!isCall(name)) find('calls', `${name} cannot be struck`, `expected ${CALLS.join(', ')}`);
    if (errnoOf(asked) === '' && asked.delay === 0) find('delay', 'expected a delay when there is no error', 'set delay or errno');
    if (asked.path !== '' && !asked.path.startsWith('/')) find('path', 'expected a whole path', 'such as /var/lib/app/data.db');
    return findings;
  },
});
