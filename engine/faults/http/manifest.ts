import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { ALL_PLATFORMS, defineManifest } from '../../kernel/fault.ts';
import { type FieldMeta } from '../../kernel/fields.ts';
import { checkNth, explainChoice, headerFacts, messageFields, sharesOf } from '../../kernel/message-fields.ts';
import {
  commonFields,
  commonNoop,
  commonRemarks,
  commonSeverity,
  errorCode,
  idleFields,
  matchHeaders,
} from '../../kernel/pastaay.ts';

/** The most requests a second that throttling can be set to; no Node process answers more than this. */
const MAX_RATE = 1_000_000;
/**
 * What throttling weighs for the guard, which has no figure of its own for it: as much as an error for every second
 * request, because the share that is turned away depends on the load and is not known beforehand.
 */
const THROTTLE_WEIGHT = 0.5;

const params = z.strictObject({
  ...commonFields,
  ...idleFields('http'),
  ...messageFields("request.headers['x-tier'] == 'free'"),
  errorCode: errorCode('The status of an injected error; 0 means 500.', 100, 599, 500),
  dropConnection: commonFields.dropConnection.meta({
    help: 'Reset the connection instead of answering with an error; without an error chance, on every request.',
    example: true,
  } satisfies FieldMeta),
  matchHeaders,
  throttleRate: z
    .number({ error: `expected requests per second, from 0 to ${MAX_RATE}` })
    .min(0, `expected requests per second, from 0 to ${MAX_RATE}`)
    .max(MAX_RATE, `expected requests per second, from 0 to ${MAX_RATE}`)
    .default(0)
    .meta({
      help: 'Requests per second that are let through; the rest get 429 with Retry-After. 0 means no limit.',
      unit: 'count',
      min: 0,
      max: MAX_RATE,
      example: 5,
    } satisfies FieldMeta),
});
export type HttpParams = z.infer<typeof params>;

export const httpManifest = defineManifest({
  type: 'http',
  layer: 'wire',
  summary: 'Delays, fails, cuts or throttles HTTP requests that cross a route.',
  params,
  target: {
    required: true,
    help: 'A path, or one with a trailing * (/api/users* takes /api/users/1 but not /api/usersettings), or all.',
    example: '/charge*',
  },
  example: { errorChance: 1 },
  noop: (asked) => commonNoop(asked) && asked.throttleRate === 0,
  severity: (asked) => Math.max(commonSeverity(asked), asked.throttleRate > 0 ? THROTTLE_WEIGHT : 0),
  remarks: commonRemarks,
  explain: (asked, target) => {
    const requests = phraseOf(asked, target);
    const clauses: string[] = [];
    // The order in which the wire judges: the dice for failing, the throttle for the others, then the dice for waiting.
    let left = '';
    // Said of the messages that are judged; which these are is said at the end.
    const { error, drop, latency } = sharesOf({ ...asked, everyNth: 0 });
    const fail = error + drop;
    if (fail > 0) {
      const answered = `answered with ${asked.errorCode}`;
      clauses.push(
        drop > 0
          ? clause(fail, requests, left, 'loses its connection', 'lose their connection')
          : clause(fail, requests, left, `is ${answered}`, `are ${answered}`),
      );
      left = 'the others';
    }
    if (asked.throttleRate > 0 && fail < 1) {
      const whom = left === '' ? requests : `of ${left}`;
      clauses.push(`at most ${asked.throttleRate} ${whom} pass per second and the rest are answered with 429`);
      left = 'those that pass';
    }
    if (latency > 0) {
      const wait = formatDuration(asked.latencyDuration);
      clauses.push(
        clause(
          asked.latencyChance,
          requests,
          left,
          `waits ${wait} before it goes on`,
          `wait ${wait} before they go on`,
        ),
      );
    }
    const sentence = clauses.length === 0 ? `${requests} go on as they came` : clauses.join('; ');
    return `${sentence[0]?.toUpperCase()}${sentence.slice(1)}.${explainChoice(asked)}`;
  },
  facts: {
    request: { method: 'string', path: 'string', query: 'string', headers: 'map<string, string>' },
    ...headerFacts,
  },
  check: checkNth,
  platforms: ALL_PLATFORMS,
  privileges: [],
  blastRadius: () => 2,
  verifyWithin: 10_000,
});

/** `requests to /charge* with header x-canary: true` */
function phraseOf(asked: HttpParams, target: string): string {
  const where = ['', 'all', '*', '/*'].includes(target.trim().toLowerCase()) ? '' : ` to ${target}`;
  const wanted = Object.entries(asked.matchHeaders).map(([name, value]) => `${name}: ${value}`);
  return `requests${where}${wanted.length === 0 ? '' : ` with header ${wanted.join(' and ')}`}`;
}

/** Who does what: `left` names what an earlier clause left over ('' = all of the requests). */
function clause(share: number, requests: string, left: string, one: string, many: string): string {
  if (share === 1) return left === '' ? `every ${requests.replace(/^requests/, 'request')} ${one}` : `${left} ${many}`;
  return `${Math.round(share * 100_000) / 1_000} % of ${left === '' ? `the ${requests}` : left} ${many}`;
}
