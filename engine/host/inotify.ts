import { closeSync, readSync } from 'node:fs';
import { FirebreakError } from '../kernel/errors.ts';
import { koffi } from './native.ts';

/** News of folders that come and go, by inotify(7): read in turn with other descriptors, without an event loop. */

/** linux/inotify.h */
const EVENT = { movedFrom: 0x40, movedTo: 0x80, created: 0x100, overflow: 0x4000, ignored: 0x8000, isFolder: 0x4000_0000 } as const;
const ONLY_FOLDER = 0x0100_0000;
const CLOSE_ON_EXEC = 0o2_000_000;

export interface FolderNews {
  /** What `watch` returned; -1 when news were lost. */
  readonly id: number;
  readonly name: string;
  readonly what: 'came' | 'went' | 'forgotten' | 'lost';
}
export interface FolderWatch extends Disposable {
  readonly fd: number;
  /** @returns a number for the folder: the same one for the same folder; -1 when the kernel refuses. */
  watch(path: string): number;
  /** To be asked when `fd` can be read. */
  news(): readonly FolderNews[];
}

type Init = (flags: number) => number;
type Add = (fd: number, path: string, mask: number) => number;
let calls: { readonly init: Init; readonly add: Add } | undefined;

/** @throws FirebreakError `refused` */
export function watchFolders(): FolderWatch {
  const c = calls === undefined ? koffi()?.load(null) : undefined;
  if (c !== undefined) {
    calls = { init: c.func('int inotify_init1(int flags)') as unknown as Init, add: c.func('int inotify_add_watch(int fd, const char *path, uint32_t mask)') as unknown as Add };
  }
  const fd = calls?.init(CLOSE_ON_EXEC) ?? -1;
  if (calls === undefined || fd < 0) throw new FirebreakError('refused', 'the kernel does not tell of new folders (inotify)');
  const { add } = calls;
  const buffer = Buffer.alloc(65_536);
  return {
    fd,
    watch: (path) => add(fd, path, EVENT.created | EVENT.movedTo | EVENT.movedFrom | ONLY_FOLDER),
    news: () => parse(buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, null))),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

/** struct inotify_event: watch, mask, cookie, length of the name, the name filled up with zeros. */
function parse(bytes: Buffer): readonly FolderNews[] {
  const found: FolderNews[] = [];
  for (let at = 0; at + 16 <= bytes.length; ) {
    const [id, mask, length] = [bytes.readInt32LE(at), bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 12)];
    const name = bytes.toString('utf8', at + 16, at + 16 + length).replace(/\0+$/, '');
    at += 16 + length;
    const what = (mask & EVENT.overflow) !== 0 ? 'lost' : (mask & EVENT.ignored) !== 0 ? 'forgotten' : (mask & EVENT.isFolder) === 0 ? undefined : (mask & EVENT.movedFrom) !== 0 ? 'went' : 'came';
    if (what !== undefined) found.push({ id, name, what });
  }
  return found;
}
