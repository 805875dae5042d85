import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type Injector } from '../../kernel/fault.ts';
import { liftLimit, limitLeft, setLimit } from '../../host/control-limits.ts';
import { covered, coveredAt, entryIn, isStill, within } from '../../host/disk-place.ts';
import { giveBack, spaceOf, takeInodes, takeSpace } from '../../host/disk-space.ts';
import { mountAt, noRemount, remount } from '../../host/mounts.ts';
import { roomOf } from '../../host/process-targets.ts';
import { noTracing } from '../../host/call-tracer.ts';
import { noFanotify } from '../../host/fanotify.ts';
import { endStrikes, FileStrikes, strikesLeft } from './files.ts';
import { type DiskParams } from './manifest.ts';
import { type Meter, meterOf } from './meters.ts';
import { planDisk } from './plan.ts';
import { type AnyUndo, type DiskUndo, diskUndo, entryName, isOfFiles, type UndoOf } from './undo.ts';

export interface DiskFaultDeps {
  readonly clock: Clock;
  /** Pids of Firebreak's own that carry no mark; may be left out. */
  readonly own?: () => readonly number[];
}

/** Why an action cannot be had here, or ''; those that need nothing of the kernel are left out. */
const REFUSAL_OF: Partial<Readonly<Record<DiskParams['action'], () => string>>> = { files: noFanotify, 'short-writes': noTracing, 'read-only': noRemount };

/** Fills disks and uses up their inodes, makes them read-only, slows them for some processes, and strikes calls on files. */
export function diskInjector({ clock, own }: DiskFaultDeps): Injector<DiskParams, AnyUndo> {
  const live = new Map<string, Meter>();
  const strikes = new Map<string, FileStrikes>();

  return {
    undo: diskUndo,
    unavailable: (params) => (process.platform === 'linux' ? (REFUSAL_OF[params?.action ?? 'fill']?.() ?? '') : 'it needs Linux'),

    plan: async (request) => planDisk(request, roomOf(own)),

    inject: async (undo, { request, signal, injected }) => {
      if (live.has(undo.token) || strikes.has(undo.token)) return;
      signal.throwIfAborted();
      if (!isStill(undo.folder)) {
        throw new FirebreakError('target-changed', `${undo.folder.path} is not the folder any more that was planned with`, { hint: 'plan again' });
      }
      if (isOfFiles(undo)) {
        const started = new FileStrikes(undo, request.params, clock);
        strikes.set(undo.token, started);
        return injected(await started.start(request, roomOf(own), signal));
      }
      // Before the change: from here on the figures are measured, also when the change succeeds in part only.
      live.set(undo.token, meterOf(undo, clock));
      injected(await change(undo, signal));
    },

    verify: async (undo) => (await strikes.get(undo.token)?.effect()) ?? live.get(undo.token)?.() ?? { bitten: false, detail: 'it was not started here', figures: [] },

    revert: async (undo) => {
      live.delete(undo.token);
      switch (undo.action) {
        case 'fill':
        case 'inodes': {
          const entry = entryIn(undo.folder, entryName(undo));
          return entry === undefined ? undefined : giveBack(entry);
        }
        case 'read-only':
          if (isHeld(undo)) remount(undo.folder.path, undo.prior);
          return;
        case 'limit':
          await Promise.all(undo.limits.map((entry) => liftLimit(entry, clock)));
          return;
        case 'files':
        case 'short-writes':
          await endStrikes(undo, clock);
          strikes.get(undo.token)?.[Symbol.dispose]();
          strikes.delete(undo.token);
      }
    },

    fingerprint: async (undo) => {
      switch (undo.action) {
        case 'fill':
        case 'inodes':
          return `what this fault has made in ${undo.folder.path}: ${entryIn(undo.folder, entryName(undo)) ?? 'nothing'}`;
        case 'read-only': {
          const now = mountOn(undo);
          return `${undo.folder.path}: ${now === undefined || now.options === undo.prior ? `mounted ${undo.prior}, or no more` : `mounted ${now.options}`}`;
        }
        case 'limit':
          return `processes that this fault limits: ${undo.limits.filter(limitLeft).map(({ pid }) => pid).join(', ') || 'none'}`;
        case 'files':
        case 'short-writes':
          return `processes that strike files for this fault: ${strikesLeft(undo)}`;
      }
    },
  };
}

/** The mount as it is now; undefined when the disk is not mounted there any more. @throws FirebreakError `disk-covered` */
function mountOn({ folder: { path, device } }: UndoOf<'read-only'>): ReturnType<typeof mountAt> {
  const mount = mountAt(path);
  if (mount?.device === device) return mount;
  if (coveredAt(path, device)) throw covered(path, 'the mount below cannot be changed');
  return undefined;
}

/** Whether it is as this fault made it; what somebody else has made of it meanwhile is theirs. */
const isHeld = (undo: UndoOf<'read-only'>): boolean => mountOn(undo)?.options === undo.options;

/** @returns what was done, in words. */
async function change(undo: DiskUndo, signal: AbortSignal): Promise<string> {
  const { path } = undo.folder;
  switch (undo.action) {
    case 'fill': {
      // Others may have taken of it since it was planned.
      const room = spaceOf(path).availableMB - undo.reserve;
      if (room <= 0) throw new FirebreakError('disk-reserve', `less than ${undo.reserve} MB are left on the disk of ${path}`, { hint: 'nothing was taken' });
      await within(undo.folder, (folder) => takeSpace(`${folder}/${entryName(undo)}`, Math.min(undo.mb, room), undo.reserve, signal));
      return `took ${Math.round(Math.min(undo.mb, room))} MB of the disk of ${path}`;
    }
    case 'inodes': {
      const room = spaceOf(path).freeInodes - undo.reserve;
      if (room <= 0) throw new FirebreakError('disk-reserve', `less than ${undo.reserve} inodes are left on the disk of ${path}`, { hint: 'nothing was taken' });
      const taken = await within(undo.folder, (folder) => takeInodes(`${folder}/${entryName(undo)}`, Math.min(undo.count, room), signal));
      return `took ${taken} inodes of the disk of ${path}`;
    }
    case 'read-only':
      // Somebody may have mounted it otherwise since: then the way back would not be the one that was written down.
      if (mountOn(undo)?.options !== undo.prior) throw new FirebreakError('target-changed', `${path} is mounted otherwise than planned`, { hint: 'plan again' });
      remount(path, undo.options);
      return `mounted ${path} read-only`;
    case 'limit': {
      const set = undo.limits.filter((one) => setLimit(one) === 'set');
      return `limited ${set.map(({ pid, name }) => `${pid} (${name})`).join(', ') || 'nobody: all have ended'}`;
    }
  }
}
