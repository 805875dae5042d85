import { readdirSync, readlinkSync } from 'node:fs';
import { type Clock } from '../kernel/clock.ts';
import { errnoOf } from '../kernel/errors.ts';

/** Descriptors looked at in one turn of the event loop: some 2 ms. */
const LINKS_A_TURN = 500;
/** Descriptors looked at for one question, of all processes; some 0.2 s of work, spread over many turns. */
const MOST_LINKS = 50_000;
/** A socket whose owner was not found is looked for again after so long, milliseconds. */
const AGAIN_AFTER = 30_000;

/** Which processes of this machine hold a socket, by its inode. Remembers what it has found. Linux only. */
export class SocketOwners {
  readonly #clock: Clock;
  readonly #known = new Map<number, { readonly pids: Set<number>; readonly at: number }>();
  /** Why some owner was not found by the last search; '' when all were. */
  #limits = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get limits(): string {
    return this.#limits;
  }

  /**
   * Finds the holders of these sockets. Of `shared` ones, which forked workers inherit, all that hold them when they are
   * first asked for; of `single` ones at least one. What is not asked for any more is forgotten.
   */
  async find(single: ReadonlySet<number>, shared: ReadonlySet<number>): Promise<void> {
    const now = this.#clock.now();
    for (const [inode, { pids, at }] of this.#known) {
      const stale = pids.size === 0 && now - at >= AGAIN_AFTER;
      if (stale || (!single.has(inode) && !shared.has(inode))) this.#known.delete(inode);
    }
    const missing = new Set([...single, ...shared].filter((inode) => !this.#known.has(inode)));
    const all = [...missing].some((inode) => shared.has(inode));
    const likely = new Set([process.pid, ...[...this.#known.values()].flatMap(({ pids }) => [...pids])]);
    const search = new Search(missing);
    // A process that holds one of the sockets usually holds the new ones too.
    if (!all) await search.through(likely, true);
    if (search.left > 0) await search.through(pidsOf(), !all);
    for (const inode of missing) this.#known.set(inode, { pids: search.found.get(inode) ?? new Set(), at: now });
    if (missing.size > 0 || !this.#anyUnknown()) this.#limits = this.#anyUnknown() ? search.why() : '';
  }

  /** The processes that hold it; empty when they cannot be told. */
  pids(inode: number): readonly number[] {
    return [...(this.#known.get(inode)?.pids ?? [])];
  }

  /** Forgets what a process held that has ended. */
  forget(pid: number): void {
    for (const [inode, { pids }] of this.#known) if (pids.delete(pid) && pids.size === 0) this.#known.delete(inode);
  }

  #anyUnknown(): boolean {
    return [...this.#known.values()].some(({ pids }) => pids.size === 0);
  }
}

/** One walk through the descriptors of processes, a little at a time. */
class Search {
  readonly found = new Map<number, Set<number>>();
  readonly #wanted: ReadonlySet<number>;
  #links = 0;
  #denied = false;

  constructor(wanted: ReadonlySet<number>) {
    this.#wanted = wanted;
  }

  get left(): number {
    return this.#wanted.size - this.found.size;
  }

  why(): string {
    if (this.#links >= MOST_LINKS) return `this machine has so many open files that the search for callers ended after ${MOST_LINKS}`;
    if (this.#denied) return 'some callers belong to other users: as root, Firebreak could tell who they are';
    return 'some callers belong to processes that cannot be seen from here, such as those of another container';
  }

  async through(pids: Iterable<number>, untilFound: boolean): Promise<void> {
    for (const pid of pids) {
      for (const fd of this.#descriptors(pid)) {
        if (this.#links >= MOST_LINKS || (untilFound && this.left === 0)) return;
        this.#look(pid, fd);
        if (++this.#links % LINKS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  #descriptors(pid: number): readonly string[] {
    try {
      return readdirSync(`/proc/${pid}/fd`);
    } catch (error) {
      this.#denied ||= errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM';
      return [];
    }
  }

  #look(pid: number, fd: string): void {
    let target: string;
    try {
      target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return; // closed in the meantime
    }
    if (!target.startsWith('socket:[')) return;
    const inode = Number(target.slice('socket:['.length, -1));
    if (!this.#wanted.has(inode)) return;
    const pids = this.found.get(inode);
    if (pids === undefined) this.found.set(inode, new Set([pid]));
    else pids.add(pid);
  }
}

const pidsOf = (): number[] => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number);
