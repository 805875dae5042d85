import { type FolderIdentity } from '../../host/disk-place.ts';
import { tracerOf } from '../../host/call-errors.ts';
import { noTracing } from '../../host/call-tracer.ts';
import { fileMeans, type FileMeans } from '../../host/fanotify.ts';
import { countFolders, MOST_FOLDERS } from '../../host/guarded-folders.ts';
import { neverStruck } from '../../host/guarded-places.ts';
import { holdersOf } from '../../host/open-files.ts';
import { find, findAll, nameOf, type RoomProcesses, selectorOf } from '../../host/process-targets.ts';
import { listProcesses, type ProcessInfo } from '../../host/processes.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type TargetPlan } from '../../kernel/fault.ts';
import { doneInWords, type DiskParams, errorOf } from './manifest.ts';
import { type FilesUndo } from './undo.ts';

type Head = Pick<FilesUndo, 'token' | 'folder'>;

/** One tracer sees every call of all of them, one after the other. */
const MOST_TRACED = 100;

/** Who is struck by a tracer, and why the guard alone does not do. */
export interface Tracing {
  readonly means: FileMeans;
  /** Processes whose reads and writes only a tracer can strike. */
  readonly traced: readonly ProcessInfo[];
  /** Processes that neither can strike, each with the reason. */
  readonly missed: readonly string[];
}

/**
 * Whose reads and writes need a tracer: on a kernel that asks before writes, those who have files open already, since the kernel
 * asks only about files that were opened with somebody there to ask; elsewhere all whom `processes` names.
 */
export function tracingOf(params: DiskParams, folder: FolderIdentity, room: RoomProcesses): Tracing {
  const means = fileMeans(folder.path);
  if (params.operation === 'open') return { means, traced: [], missed: [] };
  const list = listProcesses();
  const selector = params.processes === '' ? undefined : selectorOf(params.processes);
  const all = !means.writes && selector !== undefined;
  const holders = all ? list : holdersOf(folder.path, list);
  const pids = holders.map(({ pid }) => pid);
  const meant = pids.length === 0 ? [] : find(list, selector ?? { kind: 'pid', pids }, room).fleet.filter(({ pid }) => pids.includes(pid));
  const reasons = meant.map((info) => ({ info, why: noTracing() || (tracerOf(info.pid) > 0 ? `traced by process ${tracerOf(info.pid)}` : '') }));
  return {
    means,
    traced: reasons.filter(({ why }) => why === '').map(({ info }) => info),
    missed: reasons.filter(({ why }) => why !== '').map(({ info, why }) => `${nameOf(info)}: ${why}`),
  };
}

/** @throws FirebreakError `protected-folder`, `too-many-folders`, `too-many-processes`, `refused`, `no-writes`, `no-error`. */
export function planFiles(params: DiskParams, head: Head, room: RoomProcesses): readonly TargetPlan<FilesUndo>[] {
  const count = placeOf(head.folder);
  const { path } = head.folder;
  const tracing = tracingOf(params, head.folder, room);
  const { means, traced, missed } = tracing;
  const error = errorOf(params);
  if (traced.length > MOST_TRACED) {
    throw new FirebreakError('too-many-processes', `${traced.length} processes would have to be traced, ${MOST_TRACED} are the most`, { hint: 'name fewer with processes, or use operation: open' });
  }
  if (!means.errors && error !== '' && error !== 'EPERM' && traced.length === 0) {
    throw new FirebreakError('no-error', `this kernel cannot answer with ${error} for a file`, {
      hint: 'name the processes that are meant, use error: EPERM, or a latency; Linux 6.14 has the other errors',
    });
  }
  if (!means.writes && params.operation === 'write' && traced.length === 0) {
    throw new FirebreakError('no-writes', `the kernel does not ask before writes to the files of ${path}${missed.length === 0 ? '' : ` (${missed.join(', ')})`}`, {
      hint: 'name the processes whose writes are meant: processes: "name:app"; or use a folder on ext4, xfs or btrfs with Linux 6.14',
    });
  }
  const whose = params.processes === '' ? 'all but Firebreak' : `what matches ${params.processes}`;
  const calls = params.operation !== 'any' ? params.operation : means.writes || traced.length > 0 ? 'open, read and write' : 'open and read (writes cannot be told here)';
  const also = traced.length === 0 ? '' : `; ${traced.map(nameOf).join(', ')} traced for it, ${means.writes ? 'with files open there already' : 'since the kernel asks of reads alone'}`;
  const not = missed.length === 0 ? '' : `; what these have open already is not struck: ${missed.join(', ')}`;
  return [{
    target: `the files of ${path}`,
    undo: { ...head, action: 'files' },
    action: `guard the files of ${path} and of ${count - 1} folders below it: ${calls} by ${whose} ${doneInWords(params)}${also}${not}`,
    inverse: 'end the processes that do it: the kernel lets go of all that waits',
    reversible: true,
    takes: [`the files of ${path}`],
  }];
}

/** @throws FirebreakError as `planFiles`, and `no-tracing`, `taken`. */
export function planShortWrites(params: DiskParams, head: Head, room: RoomProcesses): readonly TargetPlan<FilesUndo>[] {
  placeOf(head.folder);
  const { fleet, spared } = findAll(params.processes, room);
  if (fleet.length === 0) return [];
  const why = noTracing();
  if (why !== '') throw new FirebreakError('no-tracing', `writes cannot be cut short here: ${why}`, { hint: 'a disk that is really full makes them too: use action: fill' });
  const held = fleet.find(({ pid }) => tracerOf(pid) > 0);
  if (held !== undefined) {
    throw new FirebreakError('taken', `process ${nameOf(held)} is traced by process ${tracerOf(held.pid)} already`, { hint: 'the kernel allows one tracer; end that one first' });
  }
  const more = spared.length === 0 ? '' : `; ${spared.length} more that match are protected`;
  return [{
    target: `processes ${fleet.map(nameOf).join(', ')} on the files of ${head.folder.path}`,
    undo: { ...head, action: 'short-writes', taken: fleet.map(({ pid, started, program, name }) => ({ pid, started, name: program || name })) },
    action: `trace ${fleet.map(nameOf).join(', ')} and what they start, and lower the count of writes to files below ${head.folder.path} to ${Math.round(params.part * 100)} %${more}`,
    inverse: 'end the tracer, which lets go of them',
    reversible: true,
    takes: fleet.map(nameOf),
  }];
}

/** @returns how many folders are meant. */
function placeOf(folder: FolderIdentity): number {
  const why = neverStruck(folder.path);
  if (why !== '') throw new FirebreakError('protected-folder', `the files of ${folder.path} are never struck: it is ${why}`, { hint: 'name a folder of the application' });
  const count = countFolders(folder);
  if (count > MOST_FOLDERS) throw new FirebreakError('too-many-folders', `there are more than ${MOST_FOLDERS} folders below ${folder.path}`, { hint: 'name one of them' });
  return count;
}
