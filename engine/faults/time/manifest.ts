import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { DAY, duration, type FieldMeta, flag, HOUR, readWith, unread } from '../../kernel/fields.ts';
import { parseSelector, SELECTOR_HELP } from '../../kernel/process-selector.ts';

/** Beyond ten years many programs meet other limits (32-bit times) than those that a game day is about. */
const FARTHEST = 3_650 * DAY;
/** What a drift comes to at most in a second: half as fast again, or half as slow. */
const STEEPEST = 500;

/** Jumps that follow each other faster could not be seen by most programs, which look at their clock now and then. */
const MIN_INTERVAL = 250;

const only = readWith('action');

const params = z.object({
  action: z
    .enum(['offset', 'drift', 'jump'], { error: 'expected offset, drift or jump' })
    .default('offset')
    .meta({ help: 'Set the clock off by a fixed time, let it run away a little each second, or let it jump there and back.', example: 'offset' } satisfies FieldMeta),
  offset: only(duration('How far the clock is set off.', FARTHEST, HOUR), 'offset', 'jump'),
  drift: only(duration('How far the clock runs away in each second.', STEEPEST, 10), 'drift'),
  interval: only(duration('How long the clock stays where it jumped to, and how long it is right in between.', HOUR, 10_000, MIN_INTERVAL), 'jump'),
  behind: flag('Set the clock back instead of forward.'),
  otherUsers: flag('Reach the processes of other users too, as in a container; needs root.'),
});
export type TimeParams = z.infer<typeof params>;

/** From here on certificates and tokens expire that nobody renews by the hour. */
const FAR = HOUR;

/** How far off the clock is to be after `elapsed` milliseconds of the fault; in milliseconds, negative when behind. */
export function offsetAt(asked: TimeParams, elapsed: number): number {
  const sign = asked.behind ? -1 : 1;
  switch (asked.action) {
    case 'offset':
      return sign * asked.offset;
    case 'drift':
      return (sign * asked.drift * elapsed) / 1_000;
    case 'jump':
      return Math.floor(elapsed / asked.interval) % 2 === 0 ? sign * asked.offset : 0;
  }
}

/** What the clock does, in words that go on from "the clock is". */
export function clockInWords({ action, offset, drift, interval, behind }: TimeParams): string {
  const where = behind ? 'behind' : 'ahead';
  if (action === 'drift') return `${formatDuration(drift)} further ${where} with each second`;
  return action === 'offset' ? `${formatDuration(offset)} ${where}` : `${formatDuration(offset)} ${where} and right by turns, for ${formatDuration(interval)} each`;
}

export const timeManifest = defineManifest({
  type: 'time',
  layer: 'host',
  summary: 'Sets off the clock that processes see; never the clock of the machine.',
  params,
  target: {
    required: true,
    help: `processes started under libfaketime: ${SELECTOR_HELP}, container:NAME (Docker, Podman)`,
    example: 'cmd:worker.js',
    check: (target) => {
      if (/^container:[\w][\w.-]{0,254}$/.test(target)) return undefined;
      const selector = parseSelector(target);
      return 'error' in selector ? { message: selector.error, hint: 'write for example name:node, cmd:worker.js or pid:4711' } : undefined;
    },
  },
  noop: (asked) => (asked.action === 'drift' ? asked.drift : asked.offset) === 0,
  severity: ({ action, offset }) => (action === 'drift' ? 0.3 : offset >= FAR ? 0.6 : 0.4),
  remarks: () => [],
  explain: (asked, target) => `The clock of the processes that match ${target} is ${clockInWords(asked)}.`,
  platforms: ['linux'],
  privileges: ['the rights of the user whose processes they are; root for those of others'],
  needsRoot: ({ otherUsers }) => otherUsers,
  blastRadius: () => 1,
  verifyWithin: 10_000,
  check: (asked) => unread(params.shape, asked),
});
