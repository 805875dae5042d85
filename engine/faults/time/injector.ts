import { randomBytes } from 'node:crypto';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError, messageOf } from '../../kernel/errors.ts';
import { type Effect, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { clockSeen, describeClock, describeClockFile, isOurs, readClockFile, restoreClockFile, writeOffset } from '../../host/clock-file.ts';
import { lastPath } from './last-path.ts';
import { listProcesses } from '../../host/processes.ts';
import { roomOf } from '../../host/process-targets.ts';
import { offsetAt, type TimeParams } from './manifest.ts';
import { aliveReaders, pathOf, planTime, timeUndo, type TimeUndo, userOf } from './plan.ts';

/** How often a clock that moves is set anew, milliseconds; a drift is that fine. */
const STEP_MS = 250;
/** The mode of a file that was not there: its readers may belong to several users. */
const READABLE = 0o644;

/** One clock that is off. */
interface Held {
  readonly startedAt: number;
  readonly timer: Disposable;
  /** What was written last, in milliseconds. */
  offset: number;
  samples: number;
  /** Whether it was ever seen to be off. */
  seen: boolean;
  problem: string;
}

/** Sets off the clocks that processes read through libfaketime, by the file that they name. */
export function timeInjector(deps: { readonly clock: Clock; readonly own?: () => readonly number[] }): Injector<TimeParams, TimeUndo> {
  const { clock } = deps;
  const live = new Map<string, Held>();
  const end = (token: string): void => {
    live.get(token)?.timer[Symbol.dispose]();
    live.delete(token);
  };

  return {
    undo: timeUndo,
    unavailable: () => (process.platform === 'linux' ? '' : 'clocks are set off through libfaketime and /proc, on Linux only'),

    plan: (request, signal) => planTime(listProcesses(), request, roomOf(deps.own), () => randomBytes(9).toString('hex'), signal),

    inject: async (undo, context) => {
      if (live.has(undo.token)) return;
      live.set(undo.token, begin(undo, context, clock));
    },

    verify: async (undo, context) => {
      const held = live.get(undo.token);
      return held === undefined ? { bitten: false, detail: 'it was not begun here', figures: [] } : measure(undo, context.request.params, held, clock);
    },

    revert: async (undo) => {
      end(undo.token);
      const path = await lastPath(undo, clock);
      if (path !== undefined) restoreClockFile(path, undo.token, undo.prior);
    },

    fingerprint: async (undo) => {
      const path = await lastPath(undo, clock);
      return path === undefined ? describeClock(undo.file, undo.prior) : describeClockFile(path, undo.token, undo.file);
    },
  };
}

/** @throws FirebreakError `target-gone`, `changed-meanwhile` */
function begin(undo: TimeUndo, { request: { params }, signal, injected }: InjectContext<TimeParams, TimeUndo>, clock: Clock): Held {
  const [reader] = aliveReaders(undo);
  if (reader === undefined) throw new FirebreakError('target-gone', `the processes that read ${undo.file} have ended`);
  const now = readClockFile(pathOf(undo));
  if (now?.bytes !== undo.prior?.bytes) throw new FirebreakError('changed-meanwhile', `${undo.file} was changed since the plan was made`, { hint: 'plan again' });
  const owner = undo.prior ?? { uid: reader.uid, gid: reader.gid, mode: READABLE };
  const startedAt = clock.now();
  const held: Held = { startedAt, offset: offsetAt(params, 0), samples: 0, seen: false, problem: '', timer: clock.every(STEP_MS, () => step()) };
  const stop = (why: string): void => {
    held.problem = why;
    held.timer[Symbol.dispose]();
  };
  const write = (): void => writeOffset(pathOf(undo), undo.token, held.offset, owner);
  const step = (): void => {
    const offset = offsetAt(params, clock.now() - startedAt);
    if (signal.aborted || held.problem !== '' || offset === held.offset) return;
    try {
      // Reverted while this process was hung, or written by somebody else: it must not begin anew.
      if (!isOurs(readClockFile(pathOf(undo)), undo.token)) return stop('the file was changed by something else');
      held.offset = offset;
      write();
      if (params.action === 'jump') injected(`the clock jumped to ${signed(offset)} ms`);
    } catch (error) {
      stop(messageOf(error));
    }
  };
  try {
    write();
  } catch (error) {
    held.timer[Symbol.dispose]();
    throw error;
  }
  injected(`set ${undo.file} to ${signed(held.offset)} ms`);
  return held;
}

async function measure(undo: TimeUndo, params: TimeParams, held: Held, clock: Clock): Promise<Effect> {
  const [reader] = aliveReaders(undo);
  if (reader === undefined) return { bitten: false, detail: 'the processes have ended', figures: [] };
  const before = held.offset;
  const { offset, within } = await clockSeen(userOf(undo, reader));
  const elapsed = clock.now() - held.startedAt;
  // A moving clock may have been set anew while it was looked at.
  const requested = Math.abs(offset - before) < Math.abs(offset - held.offset) ? before : held.offset;
  held.samples++;
  const right = Math.abs(offset - requested) <= within;
  if (right && Math.abs(offset) > within) held.seen = true;
  const figures: Effect['figures'] = [{ name: 'clock offset', unit: 'ms', requested, delivered: Math.round(offset), samples: held.samples }];
  if (params.action === 'drift') {
    const delivered = Math.round((Math.abs(offset) / elapsed) * 1e6) / 1e3;
    figures.push({ name: 'drift per second', unit: 'ms', requested: params.drift, delivered, samples: held.samples });
  }
  const detail = `a process with the library and the file of ${reader.pid} (${reader.name}) sees ${signed(Math.round(offset))} ms`;
  return { bitten: right && held.seen, detail: [detail, held.problem].filter(Boolean).join('; '), figures };
}

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value}`;
