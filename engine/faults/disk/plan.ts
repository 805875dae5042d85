import { randomBytes } from 'node:crypto';
import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest, type TargetPlan } from '../../kernel/fault.ts';
import { planLimits, takenBy } from '../../host/control-limits.ts';
import { blockDevice, folderAt, type FolderIdentity, mayWrite } from '../../host/disk-place.ts';
import { diskOf, type DiskSpace, spaceOf, systemDisks } from '../../host/disk-space.ts';
import { mountAt, mountOf, withoutWriting } from '../../host/mounts.ts';
import { findAll, nameOf, type RoomProcesses } from '../../host/process-targets.ts';
import { type DiskParams, MOST_INODES, ratesInWords } from './manifest.ts';
import { planFiles, planShortWrites } from './plan-files.ts';
import { type AnyUndo, type DiskUndo, entryName, type UndoOf } from './undo.ts';

/** What stays free on a disk that the system or Firebreak lives on: room for the journal, logs and package databases. */
export const SYSTEM_RESERVE = { mb: 1_024, inodes: 10_000 } as const;

/**
 * Decides what exactly will be done; changes nothing.
 * @throws FirebreakError with what is wrong and what would fit.
 */
export function planDisk({ params, target }: FaultRequest<DiskParams>, room: RoomProcesses): readonly TargetPlan<AnyUndo>[] {
  const folder = folderAt(target);
  const system = systemDisks().get(diskOf(folder.path)) ?? '';
  if (system !== '' && (!params.allowSystemDisk || params.action === 'read-only')) {
    const never = params.action === 'read-only';
    throw new FirebreakError('system-disk', `${target} is on ${system}${never ? ', which is never made read-only' : ''}`, {
      hint: never ? 'name another disk' : 'name another disk, or set allow_system_disk: true if that is what you want',
    });
  }
  const head = { token: randomBytes(9).toString('hex'), folder };
  switch (params.action) {
    case 'fill':
      return [planFill({ ...head, action: 'fill', ...fillAsked(params, usable(folder), system !== '') })];
    case 'inodes':
      return [planInodes({ ...head, action: 'inodes', ...inodesAsked(params, usable(folder), system !== '') })];
    case 'read-only':
      return [planReadOnly(head)];
    case 'limit':
      return planLimit(params, head, room);
    case 'files':
      return planFiles(params, head, room);
    case 'short-writes':
      return planShortWrites(params, head, room);
  }
}

/** A disk that can be filled: not one that is only a picture of memory or of the kernel. */
function usable({ path }: FolderIdentity): DiskSpace {
  const type = mountOf(path)?.type ?? '';
  if (['tmpfs', 'ramfs', 'devtmpfs'].includes(type)) {
    throw new FirebreakError('no-disk', `${path} is in memory (${type})`, { hint: 'to take memory use type: resource' });
  }
  const space = spaceOf(path);
  if (space.usedMB + space.availableMB === 0) throw new FirebreakError('no-disk', `${path} is on no disk (${type})`, { hint: 'name a folder on a disk' });
  if (!mayWrite(path)) {
    throw new FirebreakError('disk-refused', `this user may not make files in ${path}`, { hint: 'name a folder of this user, or set as_root: true; or the disk is read-only' });
  }
  return space;
}

/** How many MB, and how many stay free. @throws FirebreakError `disk-reserve` or `nothing-to-do`. */
export function fillAsked(params: DiskParams, { usedMB, availableMB }: DiskSpace, system: boolean): { readonly mb: number; readonly reserve: number } {
  const reserve = Math.max(params.reserveMB, system ? SYSTEM_RESERVE.mb : 0);
  // The same share as df(1) shows: what an ordinary user can have in all.
  const mb = params.sizeMB > 0 ? params.sizeMB : ((usedMB + availableMB) * params.percentage) / 100 - usedMB;
  if (mb <= 0) throw new FirebreakError('nothing-to-do', `${percentOf(usedMB, availableMB)} % of the disk are used already`, { hint: 'ask for a higher percentage' });
  const most = availableMB - reserve;
  // A full disk is asked for by 100 % and no reserve: what is left below a MB is nothing that could be kept.
  if (mb > most + 1) {
    throw new FirebreakError('disk-reserve', `${shown(mb)} MB are asked for, ${shown(Math.max(0, most))} MB can be taken: ${shown(availableMB)} MB are available and ${shown(reserve)} MB of them stay free`, {
      hint: 'ask for less, or for a smaller reserve_mb',
    });
  }
  return { mb: Math.min(mb, most), reserve };
}

/** How many inodes, and how many stay free. @throws FirebreakError `no-inodes`, `disk-reserve`, `too-many-files` or `nothing-to-do`. */
export function inodesAsked(params: DiskParams, { inodes, freeInodes }: DiskSpace, system: boolean): { readonly count: number; readonly reserve: number } {
  if (inodes === 0) throw new FirebreakError('no-inodes', 'this file system sets no number of inodes', { hint: 'use action: fill' });
  const reserve = Math.max(params.reserveInodes, system ? SYSTEM_RESERVE.inodes : 0);
  const wanted = Math.floor((inodes * params.percentage) / 100) - (inodes - freeInodes);
  if (wanted <= 0) throw new FirebreakError('nothing-to-do', `${percentOf(inodes - freeInodes, freeInodes)} % of the inodes are used already`, { hint: 'ask for a higher percentage' });
  // All but the reserve is what 100 % means: nobody could ask for it more exactly.
  const count = params.percentage === 100 ? freeInodes - reserve : wanted;
  if (count > freeInodes - reserve || count <= 0) {
    throw new FirebreakError('disk-reserve', `${wanted} inodes are asked for, ${Math.max(0, freeInodes - reserve)} can be taken: ${freeInodes} are free and ${reserve} of them stay so`, {
      hint: 'ask for less, or for a smaller reserve_inodes',
    });
  }
  if (count > MOST_INODES) {
    throw new FirebreakError('too-many-files', `${count} files would have to be made, ${MOST_INODES} are the most`, { hint: 'use a smaller disk, or action: fill' });
  }
  return { count, reserve };
}

const percentOf = (used: number, free: number): number => Math.round((1_000 * used) / (used + free)) / 10;
const shown = (mb: number): string => String(mb < 100 ? Math.floor(mb * 10) / 10 : Math.floor(mb));

const planFill = (undo: UndoOf<'fill'>): TargetPlan<DiskUndo> => ({
  target: `the disk of ${undo.folder.path}`,
  undo,
  action: `take ${shown(undo.mb)} MB with the file ${undo.folder.path}/${entryName(undo)}; ${shown(undo.reserve)} MB stay free`,
  inverse: 'remove that file',
  reversible: true,
  takes: [`fill ${undo.folder.device}`],
});

const planInodes = (undo: UndoOf<'inodes'>): TargetPlan<DiskUndo> => ({
  target: `the disk of ${undo.folder.path}`,
  undo,
  action: `make ${undo.count} empty files in ${undo.folder.path}/${entryName(undo)}; ${undo.reserve} inodes stay free`,
  inverse: 'remove that folder with the files in it',
  reversible: true,
  takes: [`inodes ${undo.folder.device}`],
});

function planReadOnly(head: Pick<DiskUndo, 'token' | 'folder'>): TargetPlan<DiskUndo> {
  const { path } = head.folder;
  const mount = mountAt(path);
  if (mount === undefined) {
    throw new FirebreakError('not-a-mount', `nothing is mounted at ${path}`, { hint: `name the folder at which the disk is mounted: ${mountOf(path)?.point ?? 'see findmnt'}` });
  }
  const prior = mount.options;
  if (prior.split(',').includes('ro')) throw new FirebreakError('nothing-to-do', `${path} is read-only already`, { hint: 'name another disk' });
  const options = withoutWriting(prior);
  return {
    target: `the mount ${path} (${mount.source})`,
    undo: { ...head, action: 'read-only', prior, options },
    action: `mount ${path} again with ${options}, which fails while files are open for writing`,
    inverse: `mount it again with the options that it has now: ${prior}`,
    reversible: true,
    takes: [`mount ${path}`],
  };
}

function planLimit(params: DiskParams, head: Pick<DiskUndo, 'token' | 'folder'>, room: RoomProcesses): readonly TargetPlan<DiskUndo>[] {
  const found = findAll(params.processes, room);
  if (found.fleet.length === 0) return [];
  const device = blockDevice(head.folder);
  const disk = { device, read: params.readRate * 1_000, write: params.writeRate * 1_000, readOps: params.readOps, writeOps: params.writeOps };
  const limits = [...planLimits(found.fleet, { disk }, head.token)];
  const spared = found.spared.length === 0 ? '' : `; ${found.spared.length} more that match are protected`;
  return [{
    target: `processes ${found.fleet.map(nameOf).join(', ')} on the disk of ${head.folder.path}`,
    undo: { ...head, action: 'limit', limits },
    action: `limit ${found.fleet.map(nameOf).join(', ')} to ${ratesInWords(params)} each, on device ${device}${spared}`,
    inverse: limits.some(({ place }) => place === 'itself') ? 'give their control groups the limits back that they had' : 'move them back into their control groups, and remove those made for them',
    reversible: true,
    takes: limits.map(takenBy),
  }];
}
