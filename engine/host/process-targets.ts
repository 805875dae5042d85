import { createContext, Script } from 'node:vm';
import { FirebreakError } from '../kernel/errors.ts';
import { matchesSelector, parseSelector, type Selector } from '../kernel/process-selector.ts';
import { isFrozenProcess } from './control-groups.ts';
import { listenersOn } from './listeners.ts';
import { isEnded, listProcesses, type ProcessInfo } from './processes.ts';
import { OWN_MARK, TARGET_MARK } from './spawn.ts';
import { userNames } from './users.ts';

/** Who must survive whatever a policy says. All of it is decided from one list of processes, so that it can be tested. */
export interface RoomProcesses {
  /** The pid of this Firebreak. */
  readonly self: number;
  /** Further pids of Firebreak's own, such as the watchdog's. */
  readonly own: readonly number[];
  /** True when this Firebreak was started over SSH, even where no sshd is among its ancestors (tmux, sudo). */
  readonly ssh: boolean;
}

/** The room of this process. @param own pids of Firebreak's own that carry no mark. */
export const roomOf = (own: () => readonly number[] = () => []): RoomProcesses => ({
  self: process.pid,
  own: own(),
  ssh: process.env['SSH_CONNECTION'] !== undefined,
});

/** The names of SSH servers: OpenSSH before and after 9.8 (which split off sshd-session), dropbear, Tailscale's. */
const SSH_SERVERS = new Set(['sshd', 'sshd-session', 'sshd-auth', 'dropbear', 'tailscaled']);
/** How long a pattern may take on all command lines together, in milliseconds; an honest one takes some microseconds for each. */
const MATCH_WITHIN = 1_000;
const MATCHING = new Script('commands.filter((command) => pattern.test(command))');
/** The programs of this product: another room on the same machine is not a target either. */
const ROOM = /(^|\/)(firebreak|Firebreak|firebreak\.mjs|engine\/cli\/\w+\.ts)$/;

/** The processes that are never touched, each with the reason in words that end "it is ...". */
export function protectedProcesses(list: readonly ProcessInfo[], room: RoomProcesses): ReadonlyMap<number, string> {
  const byPid = new Map(list.map((info) => [info.pid, info]));
  const reasons = new Map<number, string>();
  const protect = (pid: number, reason: string): void => {
    if (!reasons.has(pid)) reasons.set(pid, reason);
  };
  const lineage = lineageOf(room.self, byPid);
  const controlled = room.ssh || lineage.some(isSshServer);
  // Above the SSH server of this session the lineage belongs to the system.
  const below = lineage.slice(0, lineage.findIndex(isSshServer) + 1 || lineage.length).filter((info) => !isSshServer(info));
  const sessions = new Set(controlled ? below.map((info) => info.session).filter((session) => session > 0) : []);
  for (const info of list) {
    if (info.pid === 1) protect(1, 'the first process of the system');
    if (info.kernelThread || info.pid === 0) protect(info.pid, 'a thread of the kernel');
    if (info.pid === room.self) protect(info.pid, 'this Firebreak');
    if (lineage.includes(info)) protect(info.pid, 'an ancestor of this Firebreak');
    if (room.own.includes(info.pid) || isRoom(info)) protect(info.pid, "one of Firebreak's own processes");
    if (isSshServer(info)) protect(info.pid, 'an SSH server');
    const kin = kinship(info, room.self, byPid);
    if (kin === 'own') protect(info.pid, "one of Firebreak's own processes");
    if (kin !== 'target' && sessions.has(info.session)) {
      protect(info.pid, 'part of the SSH session that this room is controlled from');
    }
  }
  return reasons;
}

/** A process and its ancestors, nearest first. */
function lineageOf(pid: number, byPid: ReadonlyMap<number, ProcessInfo>): readonly ProcessInfo[] {
  const line: ProcessInfo[] = [];
  for (let info = byPid.get(pid); info !== undefined && !line.includes(info); info = byPid.get(info.ppid)) line.push(info);
  return line;
}

/** `own`: Firebreak or a child of it. `target`: started by Firebreak to be experimented on. Children are what their parents are. */
function kinship(info: ProcessInfo, self: number, byPid: ReadonlyMap<number, ProcessInfo>): 'own' | 'target' | 'foreign' {
  for (const one of lineageOf(info.pid, byPid)) {
    if (one.argv.some((arg) => arg.startsWith(TARGET_MARK))) return 'target';
    if (one.pid === self || one.argv.some((arg) => arg.startsWith(OWN_MARK))) return 'own';
  }
  return 'foreign';
}

const isSshServer = (info: ProcessInfo): boolean =>
  SSH_SERVERS.has(info.name) || SSH_SERVERS.has(info.program) || /^sshd(-session)?: /.test(info.command);
/** Whether a process is Firebreak's, of this room or of another. */
export const isFirebreak = (info: ProcessInfo): boolean => isRoom(info) || info.argv.some((arg) => arg.startsWith(OWN_MARK));

/** The program itself, or the script that Node was started with. */
function isRoom({ argv }: ProcessInfo): boolean {
  const script = argv.slice(1).find((arg) => !arg.startsWith('-')) ?? '';
  return ROOM.test(argv[0] ?? '') || ROOM.test(script);
}

/** The processes a selector finds, by pid, and which of them may be touched. */
export interface Found {
  readonly fleet: readonly ProcessInfo[];
  readonly spared: readonly { readonly process: ProcessInfo; readonly reason: string }[];
}

/** Asks the system only for what this selector looks at: who listens where is dear to find out. */
function matcherOf(selector: Selector, list: readonly ProcessInfo[]): (info: ProcessInfo) => boolean {
  if (selector.kind === 'pattern') return patternMatcher(selector.pattern, list);
  const nameOf = selector.kind === 'user' ? userNames() : String;
  const listening = selector.kind === 'port' ? listenersOn(selector.port) : new Set<number>();
  const ports = selector.kind === 'port' ? [selector.port] : [];
  return (info) => matchesSelector(selector, { ...info, user: nameOf(info.uid), ports: listening.has(info.pid) ? ports : [] });
}

/** The runtime's own regular expressions know no bound: one such as `(a+)+$` would hold up the room, or the helper, for hours. */
function patternMatcher(pattern: RegExp, list: readonly ProcessInfo[]): (info: ProcessInfo) => boolean {
  const commands = list.map(({ command }) => command);
  try {
    const found = new Set(MATCHING.runInContext(createContext({ pattern, commands }), { timeout: MATCH_WITHIN }) as readonly string[]);
    return ({ command }) => found.has(command);
  } catch {
    throw new FirebreakError('bad-target', `cmd:/${pattern.source}/ takes too long on the command lines of this machine`, {
      hint: 'a repetition within a repetition, as in (a+)+, tries every way to divide a text; write it without, or cmd:TEXT',
    });
  }
}

/** Frozen is as good as stopped, though the kernel does not say so in the state of the process. */
const asItStands = (info: ProcessInfo): ProcessInfo => (isFrozenProcess(info.pid) ? { ...info, state: 'T' } : info);

export function find(list: readonly ProcessInfo[], selector: Selector, room: RoomProcesses): Found {
  const reasons = protectedProcesses(list, room);
  const alive = list.filter((info) => !isEnded(info));
  const matching = alive.filter(matcherOf(selector, alive));
  return {
    fleet: matching.filter((info) => !reasons.has(info.pid)).map(asItStands),
    spared: matching.flatMap((info) => {
      const reason = reasons.get(info.pid);
      return reason === undefined ? [] : [{ process: info, reason }];
    }),
  };
}

/** @throws FirebreakError `bad-target` */
export function selectorOf(target: string): Selector {
  const selector = parseSelector(target);
  if ('error' in selector) {
    throw new FirebreakError('bad-target', selector.error, { hint: 'write for example name:nginx' });
  }
  return selector;
}

/** What is said when a target matches nothing but what is never touched. */
export function protectedTarget(target: string, found: Found): FirebreakError {
  const named = found.spared.slice(0, 5).map(({ process: info, reason }) => `process ${nameOf(info)} is ${reason}`);
  const more = found.spared.length > named.length ? ` and ${found.spared.length - named.length} more` : '';
  return new FirebreakError('protected-target', `${target} matches only what is never touched: ${named.join('; ')}${more}`, {
    hint: 'no other process matches it now; name one that the experiment may hit',
  });
}

/** More processes than this are no group that somebody meant. */
const MOST_PROCESSES = 100;

/** @throws FirebreakError `too-many-processes`. */
export function refuseMany({ length }: readonly ProcessInfo[], target: string): void {
  if (length > MOST_PROCESSES) throw new FirebreakError('too-many-processes', `${length} processes of ${target} would be taken, ${MOST_PROCESSES} are the most`, { hint: 'name fewer' });
}

/**
 * All that a target names and that may be touched; none is an answer too.
 * @throws FirebreakError `bad-target`, `protected-target`, `too-many-processes`.
 */
export function findAll(target: string, room: RoomProcesses): Found {
  const found = find(listProcesses(), selectorOf(target), room);
  const { fleet, spared } = found;
  if (fleet.length === 0 && spared.length > 0) throw protectedTarget(target, found);
  refuseMany(fleet, target);
  return found;
}

/** A process as people would name it. */
export const nameOf = (info: ProcessInfo | undefined): string => (info === undefined ? '' : `${info.pid} (${info.program || info.name})`);
