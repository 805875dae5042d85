import { endTracer, startTracer, TRACER_ROLE } from '../../host/call-tracer.ts';
import { outOfReach } from '../../host/disk-place.ts';
import { FILE_ERRORS, type FileError } from '../../host/fanotify.ts';
import { type FileOperation, GUARD_ROLE, startGuard } from '../../host/file-guard.ts';
import { endHeld, findHeld, type Held, OUTLIVES_MS } from '../../host/held.ts';
import { endedInWords, type ProcessIdentity, stateOf } from '../../host/identity.ts';
import { type RoomProcesses } from '../../host/process-targets.ts';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type Effect, type EffectFigure, type FaultRequest } from '../../kernel/fault.ts';
import { fnv1a } from '../../kernel/hash.ts';
import { keyedBits } from '../../kernel/random.ts';
import { type DiskParams, errorOf } from './manifest.ts';
import { tracingOf } from './plan-files.ts';
import { type FilesUndo } from './undo.ts';

/** A guard that has not said for so long that it works is ended: whoever touches a file would wait for it. */
const SILENT_MS = 5_000;

/** Whether a child still does what it was started for. */
const works = ({ alive, news }: Held): boolean => alive && news.get('ended') !== true;

/** The processes that strike the files of one fault. */
export class FileStrikes implements Disposable {
  readonly #held: Held[] = [];
  readonly #undo: FilesUndo;
  readonly #params: DiskParams;
  readonly #clock: Clock;
  #heard = { at: 0, when: 0 };

  constructor(undo: FilesUndo, params: DiskParams, clock: Clock) {
    this.#undo = undo;
    this.#params = params;
    this.#clock = clock;
  }

  /** @returns what was begun, in words. @throws FirebreakError `refused`, with the kernel's reason. */
  async start({ hold, seed, policy }: FaultRequest<DiskParams>, room: RoomProcesses, signal: AbortSignal): Promise<string> {
    const { token, folder } = this.#undo;
    const { operation, latency, probability, everyNth, processes, part } = this.#params;
    const lasts = hold + OUTLIVES_MS;
    const error: number = FILE_ERRORS[errorOf(this.#params) as FileError] ?? 0;
    const often = { probability, every: everyNth, seed: keyedBits(seed, fnv1a(policy), 0) };
    const trace = async (found: readonly ProcessIdentity[], how: { readonly operation: FileOperation; readonly error: number; readonly delay: number; readonly part: number | null }): Promise<number> => {
      if (found.length === 0) return 0;
      const targets = found.map(({ pid, started }) => ({ pid, started }));
      const held = startTracer(token, { ...often, ...how, targets, folder }, lasts, this.#clock);
      await this.#ready(held, signal);
      return held.pid;
    };
    if (this.#undo.action === 'short-writes') {
      const there = this.#undo.taken.filter((one) => stateOf(one) !== 'dead');
      if (there.length === 0) throw new FirebreakError('target-gone', endedInWords(this.#undo.taken));
      await trace(there, { operation: 'write', error: 0, delay: 0, part });
      return `writes of ${there.map(({ pid }) => pid).join(', ')} to the files of ${folder.path} are cut short`;
    }
    const { means, traced } = tracingOf(this.#params, folder, room);
    // Traced first: what is traced is left to the tracer from the guard's first question on.
    const tracer = await trace(traced, { operation, error, delay: latency, part: null });
    const asks = means.errors || error === 0 || error === FILE_ERRORS.EPERM;
    if (asks) await this.#ready(startGuard(token, { ...often, folder, operation, error, delay: latency, processes, room, writes: means.writes, tracer }, lasts, this.#clock), signal);
    return `the files of ${folder.path} are guarded`;
  }

  async effect(): Promise<Effect> {
    const sum = (key: string): number => this.#held.reduce((total, { news }) => total + Number(news.get(key) ?? 0), 0);
    const [matched, struck, delayed] = [sum('matched'), sum('struck'), sum('delayed')];
    const away = outOfReach(this.#undo.folder);
    const notes = [away, await this.#silent(), ...this.#notes(sum)].filter((note) => note !== '');
    return {
      bitten: struck > 0 && away === '' && this.#held.some(works),
      detail: [`${struck} of ${matched} calls struck`, ...notes].join('; '),
      figures: [
        { name: 'calls struck', unit: 'ratio', requested: this.#params.probability / this.#params.everyNth, delivered: matched === 0 ? null : struck / matched, samples: matched },
        ...(this.#undo.action === 'files' ? [] : [{ name: 'bytes taken', unit: 'ratio', requested: this.#params.part, delivered: struck === 0 ? null : sum('taken') / sum('asked'), samples: struck } satisfies EffectFigure]),
        ...(this.#params.latency === 0 ? [] : [{ name: 'latency', unit: 'ms', requested: this.#params.latency, delivered: delayed === 0 ? null : sum('waited') / delayed, samples: delayed } satisfies EffectFigure]),
      ],
    };
  }

  [Symbol.dispose](): void {
    for (const held of this.#held) held[Symbol.dispose]();
  }

  async #ready(held: Held, signal: AbortSignal): Promise<void> {
    this.#held.push(held);
    try {
      await held.ready(signal);
    } catch (error) {
      const problem = held.news.get('problem');
      throw typeof problem === 'string' ? new FirebreakError('refused', problem, { cause: error }) : error;
    }
  }

  *#notes(sum: (key: string) => number): Iterable<string> {
    if (this.#undo.action === 'short-writes') yield endedInWords(this.#undo.taken);
    if (sum('unknown') > 0) yield `${sum('unknown')} more by io_uring or mmap passed`;
    if (sum('passed') > 0) yield `${sum('passed')} passed, as too many waited already`;
    if (sum('left') > 0) yield `${sum('left')} folders are not guarded`;
    if (!this.#held.every(works)) yield 'what strikes them has ended';
  }

  /** Ends a guard that says nothing any more. @returns what is to be told of it. */
  async #silent(): Promise<string> {
    const guard = this.#held.find(({ news }) => news.has('at'));
    const at = Number(guard?.news.get('at') ?? 0);
    const now = this.#clock.now();
    if (guard === undefined || !guard.alive || at !== this.#heard.at) {
      this.#heard = { at, when: now };
      return '';
    }
    if (now - this.#heard.when < SILENT_MS) return '';
    await endHeld(GUARD_ROLE, this.#undo.token, this.#clock);
    return `the guard did not answer for ${SILENT_MS / 1_000} s and was ended`;
  }
}

/** Ends whatever strikes files under a token. @throws FirebreakError `residue` */
export async function endStrikes({ token }: FilesUndo, clock: Clock): Promise<void> {
  await endHeld(GUARD_ROLE, token, clock);
  await endTracer(token, clock);
}

export const strikesLeft = ({ token }: FilesUndo): string =>
  [GUARD_ROLE, TRACER_ROLE].flatMap((role) => findHeld(role, token).map(({ pid }) => `${role} ${pid}`)).join(', ') || 'none';
