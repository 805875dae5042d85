import { z } from 'zod';
import { limitEntry } from '../../host/control-limits.ts';
import { folderIdentity } from '../../host/disk-place.ts';

const head = { token: z.string().regex(/^[\da-f]{18}$/), folder: folderIdentity };

/** Everything that may have been made or changed. */
export const diskUndo = z.discriminatedUnion('action', [
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
]);
export type DiskUndo = z.infer<typeof diskUndo>;
export type UndoOf<Action extends DiskUndo['action']> = Extract<DiskUndo, { action: Action }>;

/** The one file or folder that is made in the folder named. */
export const entryName = ({ token }: Pick<DiskUndo, 'token'>): string => `firebreak-${token}`;
