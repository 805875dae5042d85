import { z } from 'zod';
import { probeSpec } from '../kernel/probe.ts';
import { protocol } from './models.ts';

/** The nouns of the control room: what it asks beyond experiments, once, in zod. */

/** Wall-clock time in milliseconds since 1970; shown to people, never used for order. */
const wall = z.number();
const name = z.string().min(1).max(64);

/**
 * What the wire did to a message; `pass`: nothing. `lost`: it was left out, though its connection lives (a record, a message of a
 * stream); `miss`: a read was answered with nothing; `altered`: its result was changed.
 */
export const trafficAction = z.enum(['pass', 'latency', 'error', 'lost', 'miss', 'altered', 'drop', 'throttle', 'not-understood']);
export type TrafficAction = z.infer<typeof trafficAction>;

/**
 * One message as the wire saw it. Every message that a fault acted on is told (up to the limit of `trafficBatch`), of
 * the others a sample. `head` is the beginning of the message with secrets blotted out.
 */
export const trafficLine = z.object({
  /** Rises by one with each line of an engine. */
  seq: z.int(),
  at: wall,
  route: z.string(),
  protocol,
  /** The verb: GET for http, SELECT for sql, and so on. */
  method: z.string(),
  /** What it was aimed at: the path for http, the shape of the statement for sql, the topic, the queue. */
  target: z.string(),
  action: trafficAction,
  /** The policy that acted; '' for `pass`. */
  policy: z.string(),
  /** Milliseconds by which Firebreak held the message back; 0 when it did not. */
  delayMs: z.number(),
  /** The status that Firebreak answered with in the server's place; null otherwise. */
  status: z.int().nullable(),
  /** What stands for a status where the protocol has letters: the SQLSTATE. Absent where there is none. */
  code: z.string().exactOptional(),
  /** From the message's `traceparent` (W3C Trace Context); '' when it bore none. */
  traceId: z.string(),
  /** The span that sent the message, from the same place; absent when it bore none. */
  parentId: z.string().optional(),
  /** From `x-request-id`; '' when it bore none. */
  requestId: z.string(),
  /** At most 2,048 characters; credentials and cookies are replaced by `***`. */
  head: z.string(),
});
export type TrafficLine = z.infer<typeof trafficLine>;

/** Most lines of one batch of traffic. */
export const MAX_TRAFFIC_LINES = 2_000;
/** What came up since the batch before; `leftOut` counts the lines that were not told because there were too many. */
export const trafficBatch = z.object({ lines: z.array(trafficLine).max(MAX_TRAFFIC_LINES), leftOut: z.int() });
export type TrafficBatch = z.infer<typeof trafficBatch>;

/** A probe that runs as long as the engine does, whether or not an experiment is under way. Kept across restarts. */
export const standingProbe = z.strictObject({
  name,
  probe: probeSpec,
  /** CEL over the figures, as in `steady_state`; '' when nothing is expected. */
  expect: z.string().max(2_000).default(''),
});
export type StandingProbe = z.infer<typeof standingProbe>;
/** The same as text, all defaults filled in: what `startProbe` takes again. Durations are written, such as `500ms`. */
export const writtenProbe = z.strictObject({
  name,
  // A transform would turn `500ms` into a number at one end, which the other end would then refuse.
  probe: z.custom<z.input<typeof probeSpec>>((value) => probeSpec.safeParse(value).success, 'expected a probe'),
  expect: z.string(),
});
export type WrittenProbe = z.infer<typeof writtenProbe>;

/** Who talks to whom, as seen. */
export const topologyNode = z.object({
  id: z.string(),
  name: z.string(),
  /** `service`: something listens there; `client`: it only calls; `unknown`: this machine cannot tell who it is. */
  kind: z.enum(['service', 'client', 'unknown']),
  /** `host:port` it listens on; '' for a client. */
  address: z.string(),
  /** Its process on this machine; null when it is elsewhere or cannot be told. */
  pid: z.int().nullable(),
  /** False when nothing answers at its address; null when that cannot be told from here. */
  up: z.boolean().nullable(),
});
/** `connections`: those of `from` to the route, whichever of its upstreams they go on to. */
export const topologyEdge = z.object({ from: z.string(), to: z.string(), route: z.string(), protocol, connections: z.int() });
export const topology = z.object({
  at: wall,
  nodes: z.array(topologyNode),
  /** Each is a route: the application in `from` is pointed at it, `to` is its upstream. */
  edges: z.array(topologyEdge),
  /** Why callers are not shown; '' when they are. */
  limits: z.string(),
});
export type Topology = z.infer<typeof topology>;

/** A file of the experiment library that comes with Firebreak. */
export const libraryEntry = z.object({
  id: z.string(),
  name: z.string(),
  /** The first comment of the file: what it does and what to learn. */
  about: z.string(),
  text: z.string(),
});
export type LibraryEntry = z.infer<typeof libraryEntry>;

/** A Firebreak file as it was when it was deployed, run or saved. The same text is kept once. */
export const fileVersion = z.object({
  id: z.int(),
  at: wall,
  name: z.string(),
  why: z.enum(['deployed', 'run', 'saved']),
  /** FNV-1a of the text, hexadecimal. */
  hash: z.string(),
  chars: z.int(),
});
export type FileVersion = z.infer<typeof fileVersion>;

export const reportFormat = z.enum(['pdf', 'markdown', 'json']);
export type ReportFormat = z.infer<typeof reportFormat>;
export const reportDocument = z.object({ name: z.string(), mediaType: z.string(), base64: z.string() });
export type ReportDocument = z.infer<typeof reportDocument>;

/** Names the route and the policy of a rehearsal, and whoever gave its HALT, in events. */
export const REHEARSAL = 'halt-rehearsal';
/** How fast HALT is here and now, measured on a route, a service and a fault made for the purpose. */
export const rehearsal = z.object({
  /** From the call until the last faulty response reached its client, milliseconds. */
  lastFaultMs: z.number(),
  /** From the call until HALT returned, milliseconds. */
  haltMs: z.number(),
  /** Responses before and after HALT, and how many of them were faulty. */
  before: z.object({ responses: z.int(), faulty: z.int() }),
  after: z.object({ responses: z.int(), faulty: z.int() }),
  clean: z.boolean(),
});
export type Rehearsal = z.infer<typeof rehearsal>;

/** One line of a Prometheus range query; points are [wall-clock ms, value]. */
export const metricSeries = z.object({ labels: z.record(z.string(), z.string()), points: z.array(z.tuple([wall, z.number()])) });
export type MetricSeries = z.infer<typeof metricSeries>;
