import { randomBytes } from 'node:crypto';
import { type Clock } from '../../kernel/clock.ts';
import { type Effect, type EffectFigure, type FaultRequest, type TargetPlan } from '../../kernel/fault.ts';
import { liftLimit, limitCounts, type LimitEntry, limitHolds, limitInForce, planLimits, setLimit, takenBy } from '../../host/control-limits.ts';
import { endedInWords } from '../../host/identity.ts';
import { cpuSeconds } from '../../host/cpu.ts';
import { findAll, nameOf, type RoomProcesses } from '../../host/process-targets.ts';
import { limitsInWords, type ResourceParams } from './manifest.ts';
import { attackOf, type ResourceUndo } from './plan.ts';

/**
 * Decides how each process of the target will be limited; changes nothing.
 * @throws FirebreakError `bad-target`, `protected-target`, `too-many-processes`, `limit-refused`.
 */
export function planOverLimits(request: FaultRequest<ResourceParams>, room: RoomProcesses): readonly TargetPlan<ResourceUndo>[] {
  const { params, target } = request;
  const { fleet, spared } = findAll(target, room);
  if (fleet.length === 0) return [];
  const token = randomBytes(9).toString('hex');
  const asked = {
    ...(params.memoryLimitMB > 0 ? { memoryMB: params.memoryLimitMB } : {}),
    ...(params.cpuLimit > 0 ? { cores: params.cpuLimit } : {}),
    ...(params.pidsLimit > 0 ? { pids: params.pidsLimit } : {}),
  };
  const limits = [...planLimits(fleet, asked, token)];
  const itself = limits.some(({ place }) => place === 'itself');
  const names = fleet.map(nameOf).join(', ');
  const killed = params.memoryLimitMB > 0 ? '; what the kernel has killed meanwhile only its supervisor can bring back' : '';
  const counted = params.memoryLimitMB > 0 && !itself ? ' (memory counted from the beginning of the fault: what they have already stays with their old group)' : '';
  return [{
    target: fleet.length === 1 ? `process ${names}` : `processes ${names}`,
    undo: { token, cpu: null, ram: null, limits, caches: false, ...attackOf(request) },
    action: `keep ${names} to ${limitsInWords(params)}${fleet.length > 1 ? ' each' : ''}${counted}${spared.length > 0 ? `; ${spared.length} more that match are protected` : ''}`,
    inverse: `${itself ? 'give their control groups the limits back that they had' : 'move them back into their control groups, and remove those made for them'}${killed}`,
    reversible: true,
    takes: limits.map(takenBy),
  }];
}

/** The limits of one fault while this process holds it. */
export class LimitRun {
  readonly #limits: readonly LimitEntry[];
  readonly #clock: Clock;
  readonly #told: (detail: string) => void;
  /** Processes that the kernel has killed in each group since the beginning. */
  readonly #kills = new Map<LimitEntry, { readonly before: number; seen: number }>();
  #samples = 0;
  #last: CpuUse;

  constructor(limits: readonly LimitEntry[], clock: Clock, told: (detail: string) => void) {
    this.#limits = limits;
    this.#clock = clock;
    this.#told = told;
    this.#last = this.#cpuNow();
  }

  begin(): void {
    const set = this.#limits.filter((one) => setLimit(one) === 'set');
    for (const one of set) this.#kills.set(one, { before: limitCounts(one)?.oomKills ?? 0, seen: 0 });
    const names = [...new Set(set.map(({ pid, name }) => `${pid} (${name})`))];
    this.#told(names.length === 0 ? 'nobody was limited: all have ended' : `limited ${names.join(', ')}`);
  }

  /** Reads the limits back, and what the kernel counted under them. */
  measure(): Effect {
    this.#samples++;
    const holding = this.#limits.filter(limitHolds);
    const killed = this.#limits.filter(({ kind }) => kind === 'memory').reduce((sum, one) => sum + this.#killsIn(one), 0);
    const figures = (['memory', 'cpu', 'pids'] as const).flatMap((kind) => this.#figure(kind));
    const names = [...new Set(holding.map(({ pid, name }) => `${pid} (${name})`))];
    const detail = [
      names.length > 0 ? `the limit is in force on ${names.join(', ')}` : 'the limited processes have ended',
      names.length > 0 ? endedInWords(this.#limits) : '',
      killed > 0 ? `the kernel killed ${killed} for lack of memory` : '',
      ...this.#uses(),
    ];
    return { bitten: holding.length > 0 || killed > 0, detail: detail.filter(Boolean).join('; '), figures };
  }

  async lift(): Promise<void> {
    await Promise.all(this.#limits.map((one) => liftLimit(one, this.#clock)));
  }

  #killsIn(entry: LimitEntry): number {
    const kills = this.#kills.get(entry);
    if (kills === undefined) return 0;
    const now = (limitCounts(entry)?.oomKills ?? 0) - kills.before;
    if (now > kills.seen) {
      kills.seen = now;
      this.#told(`the kernel killed process ${entry.pid} (${entry.name}), or one that it started, for lack of memory`);
    }
    return kills.seen;
  }

  /** What is asked for, and the lowest of what the kernel says is in force. */
  #figure(kind: 'memory' | 'cpu' | 'pids'): readonly EffectFigure[] {
    const values = this.#limits.filter((one) => one.kind === kind).flatMap((one) => limitInForce(one) ?? []);
    const [first] = values;
    if (first === undefined) return [];
    const unit = ({ memory: 'MB', cpu: 'cores', pids: 'count' } as const)[kind];
    return [{ name: `${kind} limit`, unit, requested: first.wanted, delivered: Math.min(...values.map(({ now }) => now)), samples: this.#samples }];
  }

  #uses(): readonly string[] {
    const [before, now] = [this.#last, this.#cpuNow()];
    this.#last = now;
    return this.#limits.flatMap((entry) => {
      const counts = limitCounts(entry);
      if (counts === undefined) return [];
      if (entry.kind === 'memory') return [`${entry.pid} has ${Math.round(counts.memoryMB)} MB`];
      if (entry.kind === 'pids') return [`${entry.pid} and what it started are ${counts.pids}`];
      const used = (now.seconds.get(entry.pid) ?? 0) - (before.seconds.get(entry.pid) ?? 0);
      return [`${entry.pid} uses ${((used * 1_000) / Math.max(1, now.at - before.at)).toFixed(2)} cores and was made to wait ${counts.throttled} times`];
    });
  }

  #cpuNow(): CpuUse {
    const pids = this.#limits.filter(({ kind }) => kind === 'cpu').map(({ pid }) => pid);
    return { at: this.#clock.now(), seconds: new Map(pids.map((pid) => [pid, cpuSeconds(pid) ?? 0])) };
  }
}

/** The processor time that processes have had, in seconds, at a time in milliseconds. */
interface CpuUse {
  readonly at: number;
  readonly seconds: ReadonlyMap<number, number>;
}
