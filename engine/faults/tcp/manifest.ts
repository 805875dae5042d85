import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { ALL_PLATFORMS, defineManifest, type GuardRemark } from '../../kernel/fault.ts';
import { duration, type FieldMeta, HOUR, ratio, readWith, scoped, whole } from '../../kernel/fields.ts';

/** What a policy of type tcp can do to bytes; the names are Toxiproxy's where it has the toxic. */
export const TOXICS = [
  'latency', 'bandwidth', 'slow_close', 'timeout', 'reset_peer', 'slicer', 'limit_data', 'down', 'loss', 'corruption',
] as const;
type Kind = (typeof TOXICS)[number];

/** A tebibyte and 10 GB/s: beyond what a test could tell from no limit. */
const MAX_BYTES = 1_099_511_627_776;
const MAX_RATE = 10_000_000;
/** The largest read of the wire; a piece cannot usefully be longer. */
const MAX_PIECE = 65_536;

const only = readWith<Kind>('toxic');

const params = z.strictObject({
  toxic: z
    .enum(TOXICS, { error: `expected one of ${TOXICS.join(', ')}` })
    .default('latency')
    .meta({ help: 'What is done to the bytes.', example: 'latency' } satisfies FieldMeta),
  stream: z
    .enum(['downstream', 'upstream'], { error: 'expected downstream or upstream' })
    .default('downstream')
    .meta({ part: 'scope', help: 'Which bytes: downstream, from the upstream to the client, or upstream, the other way.', example: 'downstream' } satisfies FieldMeta),
  toxicity: scoped(ratio('Share of connections that are hit; decided once for each.', 1)),
  latencyDuration: only(duration('latency: how much later bytes arrive.', HOUR), 'latency'),
  jitter: only(duration('latency: how far the delay varies, up and down.', HOUR), 'latency'),
  rate: only(whole('bandwidth: KB (1000 bytes) a second that pass.', 0, MAX_RATE), 'bandwidth'),
  closeDelay: only(duration('slow_close: how much later the end of the connection arrives.', HOUR), 'slow_close'),
  timeout: only(duration('timeout, reset_peer: how long until the connection ends; a timeout of 0 stays silent until the policy ends.', HOUR), 'timeout', 'reset_peer'),
  averageSize: only(whole('slicer: bytes in a piece, on average.', 0, MAX_PIECE), 'slicer'),
  sizeVariation: only(whole('slicer: how far that varies, up and down.', 0, MAX_PIECE), 'slicer'),
  sliceDelay: only(duration('slicer: time between two pieces, such as 200us.', 60_000), 'slicer'),
  limitBytes: only(whole('limit_data: bytes that pass before the connection ends.', 0, MAX_BYTES), 'limit_data'),
  chance: only(ratio('loss, corruption: share of pieces that are hit.'), 'loss', 'corruption'),
  pieceSize: only(whole('loss, corruption: bytes in a piece; 1 decides on each byte.', 1, MAX_PIECE, 1_460), 'loss', 'corruption'),
});
export type TcpParams = z.infer<typeof params>;

/** The toxics that read a field; all of them when none is named. */
const readersOf = (schema: z.ZodType): readonly string[] => (schema.meta() as Partial<FieldMeta> | undefined)?.readWith?.values ?? TOXICS;

/** What the guard adds up: cutting weighs 1 as a drop does; missing and changed bytes break most protocols at the first. */
const WEIGHTS: Readonly<Record<Exclude<Kind, 'latency'>, number>> = {
  bandwidth: 0.5,
  slow_close: 0.3,
  timeout: 1,
  reset_peer: 1,
  slicer: 0.3,
  limit_data: 1,
  down: 1,
  loss: 0.8,
  corruption: 0.8,
};
const CUTS: readonly Kind[] = ['timeout', 'reset_peer', 'limit_data', 'down'];

/** Takes hold of the bytes of a route, whatever its protocol: what such a policy may say and what it weighs. */
export const tcpManifest = defineManifest({
  type: 'tcp',
  layer: 'wire',
  summary: 'Slows, cuts, slices or damages the bytes of connections on any route.',
  params,
  target: {
    required: false,
    help: 'Nothing, or all: a policy on bytes takes the connections of its route.',
    example: 'all',
    check: (target) =>
      ['', 'all', '*'].includes(target.trim().toLowerCase())
        ? undefined
        : { message: 'expected no target, or all', hint: 'name the route in the field route; bytes have no other name' },
  },
  example: { latencyDuration: '500ms' },
  noop: isNoop,
  severity: (asked) => (isNoop(asked) ? 0 : asked.toxicity * (asked.toxic === 'latency' ? weightOf(asked.latencyDuration) : WEIGHTS[asked.toxic])),
  remarks: (asked) => {
    const remarks: GuardRemark[] = [];
    if (isNoop(asked)) return remarks;
    if (CUTS.includes(asked.toxic)) remarks.push('tcp-drop');
    if (asked.toxic === 'latency' && asked.latencyDuration + asked.jitter >= 5_000) remarks.push('long-latency');
    return remarks;
  },
  explain: (asked) => {
    const sentence = sentenceOf(asked);
    const whole = asked.toxicity === 1 ? sentence : `On ${Math.round(asked.toxicity * 1_000) / 10} % of the connections: ${sentence}`;
    return `${whole[0]?.toUpperCase()}${whole.slice(1)}.`;
  },
  check: (asked) => {
    const found: { field: string; message: string; hint: string }[] = [];
    for (const [field, schema] of Object.entries(params.shape) as [keyof TcpParams, z.ZodType][]) {
      const readers = readersOf(schema);
      if (readers.includes(asked.toxic) || asked[field] === schema.parse(undefined)) continue;
      found.push({ field, message: `expected nothing: the toxic ${asked.toxic} does not read it`, hint: `remove it, or set toxic to ${readers.join(', ')}` });
    }
    const needs = (field: keyof TcpParams, hint: string): void => void found.push({ field, message: 'expected at least 1', hint });
    if (asked.toxic === 'bandwidth' && asked.rate === 0) needs('rate', 'say how many KB a second pass; to let nothing pass use toxic: timeout');
    if (asked.toxic === 'slicer' && asked.averageSize === 0) needs('averageSize', 'say how many bytes make a piece');
    if (asked.toxic === 'slicer' && asked.averageSize > 0 && asked.sizeVariation >= asked.averageSize) {
      found.push({ field: 'sizeVariation', message: 'expected less than average_size', hint: 'a piece has at least one byte' });
    }
    return found;
  },
  platforms: ALL_PLATFORMS,
  privileges: [],
  blastRadius: () => 2,
  verifyWithin: 10_000,
});

/** The weights of the guard for a delay (CAPABILITIES, "Guard"). */
const weightOf = (ms: number): number => (ms >= 5_000 ? 1 : ms >= 1_000 ? 0.6 : 0.3);

function isNoop(asked: TcpParams): boolean {
  if (asked.toxicity === 0) return true;
  switch (asked.toxic) {
    case 'latency':
      return asked.latencyDuration === 0 && asked.jitter === 0;
    case 'slow_close':
      return asked.closeDelay === 0;
    case 'loss':
    case 'corruption':
      return asked.chance === 0;
    default:
      return false;
  }
}

function sentenceOf(asked: TcpParams): string {
  const bytes = asked.stream === 'downstream' ? 'bytes to the client' : 'bytes to the upstream';
  const end = asked.stream === 'downstream' ? 'the end that the upstream sets' : 'the end that the client sets';
  const first = asked.stream === 'downstream' ? 'the first byte to the client' : 'the first byte to the upstream';
  const share = `${Math.round(asked.chance * 100_000) / 1_000} %`;
  const pieces = asked.pieceSize === 1 ? `the ${bytes}` : `the pieces of ${asked.pieceSize} ${bytes}`;
  switch (asked.toxic) {
    case 'latency': {
      const jitter = asked.jitter === 0 ? '' : `, give or take ${formatDuration(asked.jitter)}`;
      return isNoop({ ...asked, toxicity: 1 }) ? `${bytes} go on as they came` : `${bytes} arrive ${formatDuration(asked.latencyDuration)} later${jitter}`;
    }
    case 'bandwidth':
      return `at most ${asked.rate} KB of ${bytes} pass a second on each connection`;
    case 'slow_close':
      return `${end} arrives ${formatDuration(asked.closeDelay)} later`;
    case 'timeout':
      return asked.timeout === 0
        ? `no ${bytes} get through while the fault lasts; they are kept and go on afterwards`
        : `no ${bytes} get through, and after ${formatDuration(asked.timeout)} the connection ends`;
    case 'reset_peer':
      return `${first} does not get through, and ${asked.timeout === 0 ? 'both ends are reset at once' : `${formatDuration(asked.timeout)} later both ends are reset`}`;
    case 'slicer': {
      const size = `${asked.averageSize}${asked.sizeVariation === 0 ? '' : ` ± ${asked.sizeVariation}`}`;
      return `${bytes} arrive in pieces of ${size}${asked.sliceDelay === 0 ? '' : `, ${formatDuration(asked.sliceDelay)} apart`}`;
    }
    case 'limit_data':
      return `each connection ends after ${asked.limitBytes} ${bytes}`;
    case 'down':
      return 'open connections are reset and no new one gets in';
    case 'loss':
      return `of ${pieces} ${share} never arrive`;
    case 'corruption':
      return `of ${pieces} ${share} arrive with one byte changed`;
  }
}
