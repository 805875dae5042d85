import { z } from 'zod';
import { limitEntry } from '../../host/control-limits.ts';
import { folderIdentity } from '../../host/disk-place.ts';
import { processIdentity } from '../../host/identity.ts';

const head = { token: z.string().regex(/^[\da-f]{18}$/), folder: folderIdentity };

/** What may have been made or changed on a disk. */
const changed = [
  z.object({ ...head, action: z.literal('fill'), mb: z.number().positive(), reserve: z.number().nonnegative() }),
  z.object({ ...head, action: z.literal('inodes'), count: z.int().positive(), reserve: z.int().nonnegative() }),
  z.object({
    ...head,
    action: z.literal('read-only'),
    /** The options of the mount as it was, and as this fault makes it. */
    prior: z.string().min(1),
    options: z.string().min(1),
  }),
  z.object({ ...head, action: z.literal('limit'), limits: z.array(limitEntry).min(1) }),
] as const;
/** What strikes files is held by processes that carry the token, and ends with them: there is nothing else to put back. */
const struck = [z.object({ ...head, action: z.literal('files') }), z.object({ ...head, action: z.literal('short-writes'), taken: z.array(processIdentity.extend({ name: z.string() })).min(1) })] as const;

export const diskUndo = z.discriminatedUnion('action', [...changed, ...struck]);
export type AnyUndo = z.infer<typeof diskUndo>;
export type FilesUndo = z.infer<(typeof struck)[number]>;
export type DiskUndo = Exclude<AnyUndo, FilesUndo>;
export type UndoOf<Action extends AnyUndo['action']> = Extract<AnyUndo, { action: Action }>;

/** Whether a record is of calls that are struck, not of a disk that is changed. */
export const isOfFiles = (undo: AnyUndo): undo is FilesUndo => undo.action === 'files' || undo.action === 'short-writes';

/** The one file or folder that is made in the folder named. */
export const entryName = ({ token }: Pick<AnyUndo, 'token'>): string => `firebreak-${token}`;
