import { PHASE_WORDS } from '../../engine/contract/words.ts';
import { type EngineEvent, type EventBody, type FaultReport } from '../../engine/contract/models.ts';
import { type TrafficAction, type TrafficLine } from '../../engine/contract/room.ts';

/** How good or bad what a line tells is; the shape beside its word. */
export type LineTone = 'neutral' | 'accent' | 'ok' | 'warn' | 'bad';

/** One line of the journal: a message that passed a route, an event of the engine, or a gap. */
export interface Line {
  /** Order of arrival in this page, over all kinds. */
  readonly n: number;
  /** Wall-clock ms; for people, never for order. */
  readonly at: number;
  /** A route, a run, or the engine itself. */
  readonly source: string;
  readonly protocol: string;
  readonly method: string;
  /** What it was aimed at, or what an event says. */
  readonly target: string;
  readonly word: string;
  readonly tone: LineTone;
  /** Milliseconds that Firebreak held it back; null when it did not. */
  readonly delayMs: number | null;
  /** A number, or what stands for one, such as an SQLSTATE. */
  readonly status: number | string | null;
  readonly policy: string;
  /** Whether a fault has to do with it. */
  readonly touched: boolean;
  readonly of:
    | { readonly kind: 'message'; readonly message: TrafficLine }
    | { readonly kind: 'event'; readonly event: EngineEvent }
    | { readonly kind: 'gap'; readonly leftOut: number };
}

/** What stands for the protocol of what the engine itself says. */
export const EVENT = 'event';
const ENGINE = 'engine';
const RUN = 'run ';
const sourceOf = (run: string): string => (run === '' ? ENGINE : RUN + run);
/** Whether a source tells events rather than messages. */
export const isOfEngine = (source: string): boolean => source === ENGINE || source.startsWith(RUN);

let arrived = 0;

const ACTION_TONES: Readonly<Record<TrafficAction, LineTone>> = {
  pass: 'neutral',
  latency: 'warn',
  error: 'bad',
  lost: 'bad',
  miss: 'warn',
  altered: 'warn',
  drop: 'bad',
  throttle: 'warn',
  'not-understood': 'neutral',
};

export function messageLine(message: TrafficLine): Line {
  const { at, route, protocol, method, target, action, delayMs, status, code = null, policy } = message;
  return {
    n: ++arrived,
    at,
    source: route,
    protocol,
    method,
    target,
    policy,
    status: code ?? status,
    word: action,
    tone: ACTION_TONES[action],
    delayMs: action === 'latency' ? delayMs : null,
    touched: action !== 'pass',
    of: { kind: 'message', message },
  };
}

/** Says that more passed than could be told. */
export function gapLine(leftOut: number, at: number): Line {
  const target = `${leftOut} ${leftOut === 1 ? 'message' : 'messages'} not shown: more passed than could be told`;
  return {
    n: ++arrived,
    at,
    source: '',
    protocol: '',
    method: '',
    target,
    word: 'gap',
    tone: 'neutral',
    delayMs: null,
    status: null,
    policy: '',
    touched: true,
    of: { kind: 'gap', leftOut },
  };
}

export function eventLine(event: EngineEvent): Line {
  return {
    n: ++arrived,
    at: event.at,
    source: sourceOf(event.run),
    protocol: EVENT,
    method: event.body.kind,
    policy: '',
    delayMs: null,
    status: null,
    touched: false,
    ...said(event.body),
    of: { kind: 'event', event },
  };
}

export const FAULT_TONES: Readonly<Record<FaultReport['state'], LineTone>> = {
  planned: 'neutral',
  injecting: 'accent',
  active: 'warn',
  reverting: 'accent',
  clean: 'ok',
  unconfirmed: 'bad',
};
const VERDICT_TONES = { held: 'ok', refuted: 'bad', aborted: 'warn', inconclusive: 'neutral', failed: 'bad' } as const;
const LEVEL_TONES = { info: 'neutral', warn: 'warn', error: 'bad' } as const;

/** What an event says in the columns of the journal. */
function said(body: EventBody): Pick<Line, 'target' | 'word' | 'tone'> & Partial<Line> {
  switch (body.kind) {
    case 'run-started':
      return {
        target: body.hypothesis === '' ? body.name : `${body.name}: ${body.hypothesis}`,
        word: 'started',
        tone: 'accent',
      };
    case 'phase':
      return { target: PHASE_WORDS[body.name], word: body.edge === 'start' ? 'begins' : 'ends', tone: 'neutral' };
    case 'sample': {
      const { probe, ok, error, latency } = body.sample;
      return {
        target: ok ? probe : `${probe}: ${error}`,
        word: ok ? 'ok' : 'failed',
        tone: ok ? 'ok' : 'bad',
        delayMs: latency,
      };
    }
    case 'fault': {
      const { target, state, policy, note } = body.fault;
      return {
        target: note === '' ? target : `${target}: ${note}`,
        word: state,
        tone: FAULT_TONES[state],
        policy,
        touched: true,
      };
    }
    case 'injected':
      return {
        target: `${body.target}: ${body.count} injected${body.detail === '' ? '' : `, ${body.detail}`}`,
        word: 'injected',
        tone: 'warn',
        policy: body.policy,
        touched: true,
      };
    case 'breach':
      return {
        target: `the abort condition held: ${body.when}`,
        word: 'breach',
        tone: 'bad',
        delayMs: body.heldMs,
        touched: true,
      };
    case 'halt':
      return { target: `HALT by ${body.by}`, word: 'halted', tone: 'bad', delayMs: body.tookMs, touched: true };
    case 'policy':
      return { target: body.text, word: 'policy', tone: 'accent' };
    case 'log':
      return { target: body.text, word: body.level, tone: LEVEL_TONES[body.level] };
    case 'run-ended':
      return { target: body.reason, word: body.verdict, tone: VERDICT_TONES[body.verdict] };
    case 'report':
      return { target: body.files.join(', '), word: 'written', tone: 'ok' };
  }
}
