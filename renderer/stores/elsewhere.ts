import { type EngineStatus, type OpenUndo } from '../../engine/contract/models.ts';
import { follow, refreshStatus } from './connection.ts';

/** How often the undo journal is looked at, milliseconds: no stream of an engine tells what another process injects. */
const EVERY = 2_000;

/** Open records that are none of this engine's faults: `held` by a process that lives, or `left` by one that is gone. Pure. */
export interface Elsewhere {
  readonly held: readonly OpenUndo[];
  readonly left: readonly OpenUndo[];
}

/** What others have injected on this machine. Of one status, so that a fault of one's own that ends between two is not taken for another's. */
export function elsewhere(status: Pick<EngineStatus, 'open' | 'faults'> | null): Elsewhere {
  const own = new Set(status?.faults.map(({ id }) => id));
  const others = status?.open.filter(({ id }) => !own.has(id)) ?? [];
  return { held: others.filter(({ ownerAlive }) => ownerAlive), left: others.filter(({ ownerAlive }) => !ownerAlive) };
}

/** Keeps the status fresh on every connection, for what others inject or leave. */
export const followElsewhere = (): Disposable =>
  follow(async (_client, signal) => {
    // A read that fails is followed by another; that the engine is away is told elsewhere.
    const timer = setInterval(() => void refreshStatus().catch(() => {}), EVERY);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  });
