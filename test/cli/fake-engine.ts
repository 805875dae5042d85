import { once } from 'node:events';
import { type EngineApi } from '../../engine/contract/api.ts';
import { type EngineEvent, type EventBody, type FaultReport, type Frame, type RunRecord, type Sample } from '../../engine/contract/models.ts';
import { EXIT, FirebreakError } from '../../engine/kernel/errors.ts';
import { type Parts } from '../../engine/cli/session.ts';
import { NO_ROOM } from './fake-room.ts';

/**
 * An engine that measures nothing and tells a fixed story, for tests of what the command line shows. The file's text
 * chooses the story: it is JSON with the members of `Story`.
 */
interface Story {
  readonly verdict?: 'held' | 'refuted' | 'aborted' | 'inconclusive' | 'failed';
  readonly reverted?: boolean;
  /** Steps of the story, and milliseconds between two of them. */
  readonly steps?: number;
  readonly pace?: number;
  readonly bad?: boolean;
}
const EXITS = { held: EXIT.held, refuted: EXIT.refuted, aborted: EXIT.aborted, inconclusive: EXIT.inconclusive, failed: EXIT.failure };
const RUN = 'r-0123456789ab';
const GUARD = { score: 26, level: 'ELEVATED' as const, survival: 0.74, issues: [{ policy: 'slow-payments', remark: 'global-target', message: 'matches every request of the route' }] };
const ROUTE = { name: 'payments', protocol: 'http' as const, listen: '127.0.0.1:7101', upstream: '127.0.0.1:7201' };
const HYPOTHESIS = 'Checkout keeps 95 % success while payments answer 500 ms late.';
const ISSUE = { file: 'bad.yaml', line: 7, column: 5, path: 'policies[0].latency_chance', message: 'expected a number from 0 to 1', hint: 'Write 0.3 for 30 %.' };

export function fakeEngine(): { api: EngineApi } & AsyncDisposable {
  const listeners = new Set<(event: EngineEvent) => void>();
  const stop = new AbortController();
  let seq = 0;
  let frame: Frame = { at: Date.now(), run: '', phase: null, phaseEndsAt: null, halted: false, faults: [], probes: {}, standing: [], impact: [], routes: [] };
  let outcome: Promise<RunRecord> | undefined;
  const publish = (body: EventBody): void => {
    const event = { seq: ++seq, at: Date.now(), run: RUN, body };
    for (const listener of listeners) listener(event);
  };

  const tell = async ({ verdict = 'held', reverted = true, steps = 3, pace = 5 }: Story, duration: number | undefined): Promise<RunRecord> => {
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, pace));
    const started = Date.now();
    const phases: RunRecord['phases'] = [];
    const show = (name: Frame['phase'], faults: FaultReport[], step: number): void => {
      const left = (steps - step) * pace;
      frame = { ...frame, at: Date.now(), run: RUN, phase: name, phaseEndsAt: Date.now() + left, faults, probes: { checkout: sample(name ?? 'observe', step) } };
    };
    publish({ kind: 'run-started', name: 'checkout-survives-slow-payments', hypothesis: HYPOTHESIS, duration: duration ?? 600_000 });
    let faults: FaultReport[] = [];
    for (const name of ['steady-state', 'baseline', 'inject', 'observe', 'revert', 'recovery'] as const) {
      if (stop.signal.aborted && (name === 'inject' || name === 'observe')) continue;
      publish({ kind: 'phase', name, edge: 'start', until: null });
      phases.push({ name, start: Date.now(), end: null });
      if (name === 'inject') publish({ kind: 'fault', fault: fault('active', null) });
      for (let step = 0; step < (name === 'observe' ? steps : Math.min(steps, 3)) && !(stop.signal.aborted && name === 'observe'); step++) {
        if (name === 'observe') faults = [fault('active', 480 + step)];
        show(name, faults, step);
        await pause();
      }
      if (name === 'observe' && verdict === 'aborted') publish({ kind: 'breach', when: 'success_rate < 0.95', heldMs: 3_000, sample: sample('observe', 9) });
      if (name === 'revert') {
        faults = [fault(reverted ? 'clean' : 'unconfirmed', 503.2)];
        publish({ kind: 'fault', fault: faults[0] as FaultReport });
      }
      (phases.at(-1) as { end: number }).end = Date.now();
      publish({ kind: 'phase', name, edge: 'end', until: null });
    }
    const end = stop.signal.aborted ? 'aborted' : verdict;
    const reason = stop.signal.aborted ? `Aborted: ${String(stop.signal.reason)}.` : `Success stayed at or above 99 % through ${steps} polls under 500 ms of added latency, as the hypothesis says.`;
    publish({ kind: 'run-ended', verdict: end, exitCode: EXITS[end], reason, reverted });
    return {
      run: RUN, name: 'checkout-survives-slow-payments', file: 'a.yaml', hypothesis: HYPOTHESIS, seed: 42, blastRadius: 2,
      startedAt: started, endedAt: Date.now(), duration: duration ?? 600_000, verdict: end, exitCode: EXITS[end], reason, phases,
      steadyState: [], abort: null, breach: null, faults, reverted, recoveryMs: 1_240, guard: GUARD,
      samples: [], series: [], timeline: [], environment: {}, source: '',
    };
  };

  return {
    api: {
      queries: {
        status: async () => ({
          version: '0', pid: 1, startedAt: 0, experiment: null, halted: false, routes: [], faults: [], watchdog: null, sentinel: null, damage: [],
          open: [{ id: 'f-1', run: RUN, policy: 'burn', type: 'resource', target: 'this machine', inverse: 'end the burner', step: 'applied', since: 0, ownerAlive: false, note: '' }],
        }),
        authority: async () => ({ certificate: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----' }),
        doctor: async () => [
          { name: 'CPU load', available: true, detail: '' },
          { name: 'network latency', available: false, detail: 'the kernel has no netem; load the module sch_netem, or run on a machine whose kernel has it' },
        ],
        validate: async ({ text, file }) =>
          storyOf(text).bad === true
            ? { ok: false, issues: [{ ...ISSUE, file }, { ...ISSUE, file, line: 9, path: 'policies[1].type', message: 'unknown type redsi', hint: 'Did you mean redis?' }] }
            : {
                ok: true,
                guard: GUARD,
                summary: {
                  name: 'checkout-survives-slow-payments', hypothesis: HYPOTHESIS, seed: 42, routes: [ROUTE],
                  policies: [{ name: 'slow-payments', type: 'http', target: '/charge*', explain: 'every answer to /charge* comes 500 ms late' }],
                  experiment: { durationMs: 600_000, checks: [{ name: 'checkout', expect: 'success_rate >= 0.99 && p99 < 800' }], abort: { when: 'success_rate < 0.95', forMs: 3_000 } },
                },
              },
        plan: async ({ text, file, overrides }) =>
          storyOf(text).bad === true
            ? { ok: false, issues: [{ ...ISSUE, file }] }
            : {
                ok: true,
                plan: {
                  name: 'checkout-survives-slow-payments', hypothesis: HYPOTHESIS, seed: 42, routes: [ROUTE], guard: GUARD,
                  steadyState: [{ name: 'checkout', expect: 'success_rate >= 0.99', describe: 'GET http://127.0.0.1:7000/checkout every 500 ms' }],
                  faults: [{
                    policy: 'slow-payments', type: 'http', explain: 'every answer to /charge* comes 500 ms late', blastRadius: 2, unavailable: '', holdMs: overrides.durationMs ?? 600_000,
                    targets: [{ target: 'route payments /charge*', action: 'add a policy to the wire', inverse: 'remove the policy from the wire', reversible: true }],
                  }],
                  phases: [{ name: 'baseline', ms: 5_000 }, { name: 'observe', ms: overrides.durationMs ?? 600_000 }],
                },
              },
        history: async () => [{ run: RUN, name: 'checkout-survives-slow-payments', startedAt: 0, endedAt: 61_000, verdict: 'held', exitCode: 0, reason: 'it held', reverted: true }],
        record: async () => null,
        outcome: async () => ({ ...(await (outcome ?? Promise.reject(unknown()))), reports: ['reports/a.pdf', 'reports/a.json'], reportError: '' }),
        released: async () => ({ why: 'hold-over', faults: [fault('clean', 503)], reverted: true }),
        open: async () => ({ open: [], damage: [] }),
        manifests: async () => [],
        metrics: async () => 'up 1\n',
        ...NO_ROOM.queries,
      },
      commands: {
        ...NO_ROOM.commands,
        run: async ({ text, overrides }) => {
          outcome = tell(storyOf(text), overrides.durationMs);
          return { run: RUN };
        },
        apply: async () => ({ run: RUN, faults: [fault('active', null)] }),
        abort: async ({ why }) => (stop.abort(why), { aborted: true }),
        halt: async () => ({ tookMs: 3.2, faults: [fault('clean', 503)] }),
        recover: async () => ({ cleared: [], open: [], damage: [] }),
        openRoutes: async ({ routes }) => routes,
        closeRoutes: async () => ({}),
        report: async ({ run, directory }) => (run === RUN ? { files: [`${directory}/a.pdf`] } : Promise.reject(unknown())),
      },
      streams: {
        ...NO_ROOM.streams,
        events: async function* (_input, signal) {
          const queue: EngineEvent[] = [];
          let wake = (): void => {};
          listeners.add((event) => (queue.push(event), wake()));
          signal.addEventListener('abort', () => wake());
          while (!signal.aborted) {
            yield* queue.splice(0);
            if (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
          }
        },
        frames: async function* (_input, signal) {
          while (!signal.aborted) {
            yield { ...frame, at: Date.now() };
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        },
      },
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

const storyOf = (text: string): Story => JSON.parse(text) as Story;
const unknown = (): FirebreakError => new FirebreakError('unknown-run', 'There is no run like that.', { exitCode: EXIT.usage, hint: 'See `firebreak history`.' });

function sample(phase: NonNullable<Frame['phase']>, step: number): Sample {
  const p = phase === 'observe' ? 500 : 0;
  const rate = 1 - step / 1_000;
  return {
    seq: step, at: Date.now(), probe: 'checkout', phase, ok: true, latency: 20, error: '', held: true,
    figures: { success_rate: rate, availability: 1, throughput: 26.4, p50: 12.3 + p, p95: 40.1 + p, p99: 88.8 + p, apdex: 0.9, apdex_ema: 0.9, samples: 20 },
  };
}

function fault(state: FaultReport['state'], delivered: number | null): FaultReport {
  const over = state === 'clean' || state === 'unconfirmed';
  return {
    id: 'f-0123456789ab', policy: 'slow-payments', type: 'http', target: 'route payments /charge*', explain: 'every answer to /charge* comes 500 ms late',
    action: 'add a policy', inverse: 'remove it', reversible: true, state, injectedAt: Date.now(), revertedAt: over ? Date.now() : null,
    leaseUntil: over ? null : Date.now() + 9_000 - (Date.now() % 3_000),
    effect: { bitten: true, detail: '', figures: [{ name: 'latency', unit: 'ms', requested: 500, delivered, samples: 412 }] },
    before: 'a', after: over ? 'a' : null, reverted: state === 'clean', note: state === 'unconfirmed' ? 'the wire did not answer' : '',
  };
}

export const fakeParts: Parts = {
  createEngine: async () => fakeEngine(),
  startDemo: async (_client, { servers }) => ({
    routes: [ROUTE],
    places: [{ name: 'storefront', url: 'http://127.0.0.1:41234' }],
    errands: [],
    notes: servers === true ? ['kafka left out: java is not installed on this machine'] : [],
    [Symbol.asyncDispose]: async () => {},
  }),
  /** Ctrl-C comes while it starts. */
  startHelper: async ({ log }) => {
    // A signal alone keeps no process waiting.
    const waiting = setInterval(() => {}, 1_000);
    const interrupted = once(process, 'SIGINT');
    process.kill(process.pid, 'SIGINT');
    await interrupted;
    clearInterval(waiting);
    log('serving');
    return { [Symbol.asyncDispose]: async () => log('everything is reverted') };
  },
};
