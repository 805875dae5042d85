import { chmodSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInjectors } from './faults/injectors.ts';
import { Helper } from './helper/helper.ts';
import { type HelperParts } from './helper/parts.ts';
import { rootCapabilities } from './host/facts.ts';
import { peerOf } from './host/peer.ts';
import { readProcess } from './host/processes.ts';
import { identity } from './identity.ts';
import { realClock } from './kernel/clock.ts';
import { FirebreakError } from './kernel/errors.ts';
import { createLease } from './lifecycle/lease.ts';
import { helperAddress } from './rights.ts';
import { ensureStateDir, openJournal } from './store/journal.ts';
import { holdLock } from './store/lock.ts';
import { listenUnix } from './transport/unix.ts';
import { VERSION } from './version.ts';
import { spawnWatchdogFor } from './watchdog-entry.ts';

export interface HelperOptions {
  /** The one user who may connect. */
  readonly uid: number;
  /** The Unix socket; default `helperAddress`. */
  readonly address?: string;
  /** Its journal's folder, for root alone; default below /var/lib/firebreak. */
  readonly stateDir?: string;
  /** For the crash tests, see HelperParts. */
  readonly boundary?: HelperParts['boundary'];
  readonly log: (text: string) => void;
}

/**
 * Starts the helper of one user: undoes what an earlier one left, then listens. Disposing reverts everything.
 * Throws FirebreakError `helper-running`, `state-unwritable`, `unsafe-folder` or `socket-unusable`.
 */
export async function startHelper(options: HelperOptions): Promise<AsyncDisposable> {
  const { uid, log, address = helperAddress(uid), stateDir = process.env['FIREBREAK_HELPER_STATE'] ?? `/var/lib/firebreak/${uid}` } = options;
  await using parts = new AsyncDisposableStack();
  const clock = realClock;
  ensureStateDir(stateDir);
  refuseShared(stateDir);
  const lock = holdLock(join(stateDir, 'helper.lock'));
  if (lock === undefined) throw new FirebreakError('helper-running', `a helper already uses ${stateDir}`, { hint: 'It serves every engine of its user; a second one is not needed.' });
  parts.use(lock);
  const journal = parts.use(openJournal(stateDir, clock));
  for (const { where, what } of journal.damage()) log(`undo journal: ${where}: ${what}`);
  const injectors = createInjectors({ wire: null, clock, own: () => helper.callers.flatMap(lineage) });
  const lost = (why: string): void => {
    log(`${why}; everything is being reverted`);
    void helper.dropAll(why);
  };
  const lease = parts.use(createLease({ stateDir, self: identity.self, clock, spawnWatchdog: spawnWatchdogFor(stateDir), lost, log }));
  const helper = parts.use(new Helper({ version: VERSION, self: identity.self, journal, injectors, clock, lease, capabilities: rootCapabilities, log, ...(options.boundary !== undefined && { boundary: options.boundary }) }));
  await helper.recover(identity.alive);
  // What this machine can do is tried now: it takes seconds on a busy one, and engines do not wait long for a greeting.
  for (const injector of Object.values(injectors)) injector.unavailable();
  const folder = dirname(address);
  // Whatever the umask of root: its user has to come through. A folder that is there already is somebody's own business.
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o755);
  refuseShared(folder);
  parts.use(await listenUnix({ path: address, uid, peerOf, onPort: (port, peer) => helper.serve(port, peer?.pid) }));
  log(`serving user ${uid} at ${address}`);
  const all = parts.move();
  return { [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/**
 * What root keeps where others may write is theirs to replace: the journal says what root is to undo, and the socket's file is
 * given to its user. @throws FirebreakError `unsafe-folder`.
 */
function refuseShared(folder: string): void {
  const me = process.geteuid?.();
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    const { uid, gid, mode } = statSync(at);
    // Where the sticky bit is set, each may replace only what is theirs.
    const others = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
    if ((others && (mode & 0o1000) === 0) || (uid !== 0 && uid !== me)) {
      throw new FirebreakError('unsafe-folder', `${at} is not root's alone, and what the helper keeps in ${folder} could be replaced by others`, {
        hint: 'leave --state-dir and --socket out, or name folders that only root may write to',
      });
    }
    if (dirname(at) === at) return;
  }
}

/** A process and its ancestors. */
function lineage(pid: number): readonly number[] {
  const line: number[] = [];
  for (let info = readProcess(pid); info !== undefined && !line.includes(info.pid); info = readProcess(info.ppid)) line.push(info.pid);
  return line;
}
