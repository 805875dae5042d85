/**
 * Toxiproxy's toxics as policies of type tcp. Names, attributes, defaults and error texts are those of Toxiproxy 2.12
 * (https://github.com/Shopify/toxiproxy: toxics/*.go, toxic_collection.go, api.go).
 */

/** A toxic as its API shows it. */
export interface ToxicShown {
  readonly attributes: Readonly<Record<string, number>>;
  readonly name: string;
  readonly type: string;
  readonly stream: string;
  readonly toxicity: number;
}

/** An error that a client of the API is to see. */
export class ToxiproxyError extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}
export const badBody = (detail: string): ToxiproxyError => new ToxiproxyError(`bad request body: ${detail}`, 400);
export const missingField = (field: string): ToxiproxyError => new ToxiproxyError(`missing required field: ${field}`, 400);

type Fields = Readonly<Record<string, unknown>>;
type Attributes = Readonly<Record<string, number>>;
interface Kind {
  readonly attributes: readonly string[];
  /** The fields of the policy that does the same; undefined: nothing does, nothing is done. */
  fields(attributes: Attributes): Fields | undefined;
}

const HOUR = 3_600_000;
const MINUTE_US = 60_000_000;
/** The limits of the manifest (faults/tcp): values beyond them come down to the next that is allowed. */
const MAX = { rate: 10_000_000, piece: 65_536, bytes: 1_099_511_627_776 };
const within = (value: number | undefined, low: number, high: number): number => Math.min(high, Math.max(low, value ?? 0));
const ms = (value: number | undefined): string => `${within(value, 0, HOUR)}ms`;

const KINDS: Readonly<Record<string, Kind>> = {
  latency: {
    attributes: ['latency', 'jitter'],
    fields: (a) => ({ toxic: 'latency', latency_duration: ms(a['latency']), jitter: ms(a['jitter']) }),
  },
  bandwidth: {
    attributes: ['rate'],
    // At a rate of 0 nothing passes.
    fields: (a) => (within(a['rate'], 0, MAX.rate) === 0 ? { toxic: 'timeout' } : { toxic: 'bandwidth', rate: within(a['rate'], 1, MAX.rate) }),
  },
  slow_close: { attributes: ['delay'], fields: (a) => ({ toxic: 'slow_close', close_delay: ms(a['delay']) }) },
  timeout: { attributes: ['timeout'], fields: (a) => ({ toxic: 'timeout', timeout: ms(a['timeout']) }) },
  reset_peer: { attributes: ['timeout'], fields: (a) => ({ toxic: 'reset_peer', timeout: ms(a['timeout']) }) },
  slicer: {
    attributes: ['average_size', 'size_variation', 'delay'],
    fields: (a) => {
      const size = within(a['average_size'], 1, MAX.piece);
      const delay = `${within(a['delay'], 0, MINUTE_US)}us`;
      return { toxic: 'slicer', average_size: size, size_variation: within(a['size_variation'], 0, size - 1), slice_delay: delay };
    },
  },
  limit_data: { attributes: ['bytes'], fields: (a) => ({ toxic: 'limit_data', limit_bytes: within(a['bytes'], 0, MAX.bytes) }) },
  noop: { attributes: [], fields: () => undefined },
};

/** The policy that a toxic asks for, without its name and route; undefined when it asks for nothing. */
export function policyOf({ type, attributes, stream, toxicity }: ToxicShown): Fields | undefined {
  const fields = KINDS[type]?.fields(attributes);
  return fields === undefined ? undefined : { ...fields, stream: stream.toLowerCase(), toxicity: within(toxicity, 0, 1) };
}

/** A new toxic from the body of a request. Throws ToxiproxyError in the order in which Toxiproxy looks. */
export function readToxic(body: unknown, taken: (name: string) => boolean): ToxicShown {
  const given = objectOf(body);
  const text = (key: string, fallback: string): string => fieldOf(given, key, 'string', fallback);
  const stream = text('stream', 'downstream');
  const type = text('type', '');
  const toxicity = fieldOf(given, 'toxicity', 'number', 1);
  const written = text('name', '');
  if (!['upstream', 'downstream'].includes(stream.toLowerCase())) {
    throw new ToxiproxyError('stream was invalid, can be either upstream or downstream', 400);
  }
  const name = written === '' ? `${type}_${stream}` : written;
  if (!Object.hasOwn(KINDS, type)) throw new ToxiproxyError('invalid toxic type', 400);
  if (taken(name)) throw new ToxiproxyError('toxic already exists', 409);
  return { attributes: attributesOf(type, given['attributes'], {}), name, type, stream, toxicity };
}

/** The toxic with what the body of a request changes: attributes and toxicity, nothing else. */
export function changeToxic(toxic: ToxicShown, body: unknown): ToxicShown {
  const given = objectOf(body);
  return {
    ...toxic,
    attributes: attributesOf(toxic.type, given['attributes'], toxic.attributes),
    toxicity: fieldOf(given, 'toxicity', 'number', toxic.toxicity),
  };
}

/** The attributes of the type, in its order; those that are not given stay as they are, and 0 at first. */
function attributesOf(type: string, given: unknown, before: Attributes): Attributes {
  const found = given === undefined ? {} : objectOf(given);
  return Object.fromEntries(
    (KINDS[type]?.attributes ?? []).map((key) => {
      const value = fieldOf(found, key, 'number', before[key] ?? 0);
      if (!Number.isSafeInteger(value)) throw badBody(`${key}: expected a whole number, found ${value}`);
      return [key, value];
    }),
  );
}

/** What the body says, or an error in its place; null says nothing, as in Go. */
export function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  if (body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) throw badBody(`expected an object, found ${nameOf(body)}`);
  return body as Readonly<Record<string, unknown>>;
}

/** A field of that type; absent and null leave it as it is, as in Go. */
export function fieldOf<T extends string | number | boolean>(given: Fields, key: string, type: 'string' | 'number' | 'boolean', fallback: T): T {
  const value = given[key];
  if (value === undefined || value === null) return fallback;
  if (typeof value !== type) throw badBody(`${key}: expected a ${type}, found ${nameOf(value)}`);
  return value as T;
}
const nameOf = (value: unknown): string => (Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`);
