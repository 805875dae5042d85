import { readFileSync } from 'node:fs';
import { type Selector } from '../kernel/process-selector.ts';
import { find, type RoomProcesses } from './process-targets.ts';
import { type ProcessInfo, readProcess, readStat } from './processes.ts';

/** How long what was found out about a thread holds, in milliseconds: it may become another program. */
const HOLDS = 1_000;
/** Threads that are remembered. */
const MOST = 4_096;

/** Tells threads that may be struck from those that never are, one at a time, as they turn up. */
export class Touchers {
  readonly #room: RoomProcesses;
  readonly #selector: Selector | undefined;
  readonly #own: readonly ProcessInfo[];
  readonly #known = new Map<number, { readonly key: string; readonly until: number; readonly may: boolean }>();

  /** @param selector undefined = whoever is not protected. */
  constructor(room: RoomProcesses, selector: Selector | undefined) {
    this.#room = room;
    this.#selector = selector;
    this.#own = lineage(room.self);
  }

  may(thread: number, now: number): boolean {
    const stat = readStat(thread);
    if (stat === undefined) return false;
    const key = `${stat.startTicks} ${stat.name}`;
    const known = this.#known.get(thread);
    if (known !== undefined && known.key === key && known.until > now) return known.may;
    if (this.#known.size >= MOST) this.#known.clear();
    const may = this.#look(processOf(thread));
    this.#known.set(thread, { key, until: now + HOLDS, may });
    return may;
  }

  #look(pid: number): boolean {
    const line = lineage(pid);
    if (line.length === 0) return false;
    const list = [...line, ...this.#own.filter(({ pid: own }) => !line.some((one) => one.pid === own))];
    return find(list, this.#selector ?? { kind: 'pid', pids: [pid] }, this.#room).fleet.some((info) => info.pid === pid);
  }
}

/** A process and its ancestors: all that is needed to tell whose it is. */
function lineage(pid: number): readonly ProcessInfo[] {
  const line: ProcessInfo[] = [];
  for (let info = readProcess(pid); info !== undefined && !line.some((one) => one.pid === info?.pid); info = readProcess(info.ppid)) line.push(info);
  return line;
}

/** The process that a thread is of; 0 when it is gone. */
function processOf(thread: number): number {
  try {
    return Number(/^Tgid:\s*(\d+)/m.exec(readFileSync(`/proc/${thread}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
