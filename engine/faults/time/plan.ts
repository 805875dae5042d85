import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest, type TargetPlan } from '../../kernel/fault.ts';
import { clockFileState, isOurs, mayCreate, readClockFile } from '../../host/clock-file.ts';
import { containerOf, engineOf, findProcesses } from '../../host/container-processes.ts';
import { clockUser, type ClockUser, usersOfClockFile } from '../../host/clock-users.ts';
import { processIdentity, stateOf } from '../../host/identity.ts';
import { type ProcessInfo } from '../../host/processes.ts';
import { nameOf, protectedTarget, type RoomProcesses } from '../../host/process-targets.ts';
import { clockInWords, type TimeParams } from './manifest.ts';

/** One file, what it said, and who reads it. */
export const timeUndo = z.object({
  token: z.string().min(8),
  /** As its readers name it. */
  file: z.string().startsWith('/'),
  /** True when it can be reached only through one of them, as in a container. */
  apart: z.boolean(),
  /** The container that it is in, which may start again with it; '' for none. */
  container: z.string().regex(/^([0-9a-f]{64})?$/).default(''),
  /** Of the engine that has that container; '' when none is known. */
  socket: z.string().regex(/^(\/.+)?$/).default(''),
  prior: clockFileState,
  readers: z.array(processIdentity.extend({ name: z.string(), uid: z.int(), gid: z.int(), library: z.string(), believes: z.number() })).min(1),
});
export type TimeUndo = z.infer<typeof timeUndo>;

/** How to start a process whose clock can be set off; for messages. */
export const START_HINT =
  'start it so: LD_PRELOAD=libfaketime.so.1 FAKETIME_TIMESTAMP_FILE=$HOME/my.clock FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 my-service';

/** The readers that still are the processes they were. */
export const aliveReaders = (undo: TimeUndo): TimeUndo['readers'] => undo.readers.filter((reader) => stateOf(reader) !== 'dead');

/** @throws FirebreakError `target-gone` when the file can be reached only through a process that has ended. */
export function pathOf(undo: TimeUndo): string {
  if (!undo.apart) return undo.file;
  const [reader] = aliveReaders(undo);
  if (reader !== undefined) return `/proc/${reader.pid}/root${undo.file}`;
  throw new FirebreakError('target-gone', `${undo.file} could be reached only through processes that have ended`, { hint: 'look at it in its container' });
}

/** A reader as the host asks after its clock. */
export const userOf = (undo: TimeUndo, reader: TimeUndo['readers'][number]): Omit<ClockUser, 'key'> => ({
  ...reader,
  apart: undo.apart,
  file: undo.apart ? `/proc/${reader.pid}/root${undo.file}` : undo.file,
});

/**
 * One target for each file that the processes read.
 * @throws FirebreakError `bad-target`, `protected-target`, `no-fake-clock` when none of them can be set off,
 * `shared-clock` when others would be hit too, `collision`, `not-a-clock-file`, `no-container`.
 */
export async function planTime(
  list: readonly ProcessInfo[], { target, params }: FaultRequest<TimeParams>, room: RoomProcesses, token: () => string, signal: AbortSignal,
): Promise<readonly TargetPlan<TimeUndo>[]> {
  const found = await findProcesses(list, target, room, signal);
  if (found.fleet.length === 0 && found.spared.length > 0) throw protectedTarget(target, found);
  if (found.fleet.length === 0) return [];
  const looked = found.fleet.map((info) => ({ info, user: clockUser(info) }));
  const users = looked.flatMap(({ user }) => ('file' in user ? [user] : []));
  const refused = looked.flatMap(({ info, user }) => ('refusal' in user ? [`${nameOf(info)} ${user.refusal}`] : []));
  if (users.length === 0) {
    throw new FirebreakError('no-fake-clock', `no clock of what matches ${target} can be set off: ${some(refused)}`, { hint: START_HINT });
  }
  return Promise.all([...Map.groupBy(users, ({ key }) => key)].map(async ([key, readers]) => {
    const path = readers[0]?.file ?? '';
    const others = usersOfClockFile(list, key).filter(({ pid }) => !readers.some((reader) => reader.pid === pid));
    if (others.length > 0) {
      throw new FirebreakError('shared-clock', `${path} also sets the clock of ${some(others.map(nameOf))}, which this fault may not touch`, {
        hint: 'match them too if they can be set off, or give these processes a file of their own',
      });
    }
    const reader = found.fleet.find(({ pid }) => pid === readers[0]?.pid);
    const container = reader !== undefined && readers[0]?.apart === true ? containerOf(reader) : '';
    return planFile(path, readers, params, { token: token(), container, socket: await engineOf(container) }, refused);
  }));
}

function planFile(path: string, readers: readonly ClockUser[], params: TimeParams, head: Pick<TimeUndo, 'token' | 'container' | 'socket'>, refused: readonly string[]): TargetPlan<TimeUndo> {
  const prior = readClockFile(path);
  const [{ uid, apart, pid, key }] = readers as readonly [ClockUser];
  if (isOurs(prior, '')) throw new FirebreakError('collision', `${path} is held by another fault on the clock`, { hint: 'wait until it has ended' });
  const me = process.geteuid?.() ?? 0;
  // The name of the file comes from the process: whatever root could do, it is that user's file or nobody's.
  const theirs = prior === null ? mayCreate(path, uid) : uid === 0 || prior.uid === uid;
  if (!theirs || (me !== 0 && me !== uid)) {
    throw new FirebreakError('not-allowed', `${path} may not be written by the user of these processes`, { hint: 'give them a file in a folder of theirs' });
  }
  const file = apart ? path.slice(`/proc/${pid}/root`.length) : path;
  const named = some(readers.map((reader) => `${reader.pid} (${reader.name})`));
  const slow = Math.max(...readers.map(({ believes }) => believes));
  const late = slow > 0 ? `; seen up to ${formatDuration(slow)} late, since FAKETIME_NO_CACHE is not set` : '';
  const spared = refused.length > 0 ? `; not ${some(refused)}` : '';
  return {
    target: `clock of ${named}`,
    undo: { ...head, file, apart, prior, readers: readers.map(({ file: _file, apart: _apart, key: _key, ...reader }) => reader) },
    action: `write ${file}, so that the clock of its readers is ${clockInWords(params)}${late}${spared}`,
    inverse: prior === null ? `delete ${file}, which was not there` : `put back what ${file} said, its owner and its mode`,
    reversible: true,
    takes: [key],
  };
}

const some = (texts: readonly string[]): string => `${texts.slice(0, 5).join(', ')}${texts.length > 5 ? ` and ${texts.length - 5} more` : ''}`;
