import { realpathSync } from 'node:fs';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { readText } from './cgroups.ts';
import { capture } from './spawn.ts';

/** One line of /proc/self/mountinfo; see proc_pid_mountinfo(5). */
export interface Mount {
  /** `MAJOR:MINOR` of what is mounted, as stat(2) tells it. */
  readonly device: string;
  /** The folder of that file system which is shown: '/' but for bind mounts. */
  readonly root: string;
  readonly point: string;
  /** The options of this mount alone, such as `rw,nosuid,relatime`. */
  readonly options: string;
  readonly type: string;
  /** What was mounted, such as `/dev/sda1`. */
  readonly source: string;
  /** The options of the file system, which all mounts of it share. */
  readonly superOptions: string;
}

/** Every mount that this process sees, in the order in which they were made. Empty where there is no /proc. */
export const listMounts = (): readonly Mount[] => parseMounts(readText('/proc/self/mountinfo'));

export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [front = '', back = ''] = line.split(' - ');
    const [, , device, root, point, options] = front.split(' ').map(unescaped);
    const [type, source, superOptions] = back.split(' ').map(unescaped);
    if (device === undefined || root === undefined || point === undefined || options === undefined || type === undefined) return [];
    return [{ device, root, point, options, type, source: source ?? '', superOptions: superOptions ?? '' }];
  });
}

/** The kernel writes space, tab, line feed and backslash as three octal digits. */
const unescaped = (field: string): string => field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));

/** The mount that an existing path is on: of the longest matching ones the last, which lies on top. @throws as realpath(3) */
export function mountOf(path: string, mounts = listMounts()): Mount | undefined {
  const real = realpathSync(path);
  const above = mounts.filter(({ point }) => point === '/' || real === point || real.startsWith(`${point}/`));
  return above.reduce<Mount | undefined>((best, one) => (best === undefined || one.point.length >= best.point.length ? one : best), undefined);
}

/** The mount on top at exactly this point, or undefined when nothing is mounted there. */
export const mountAt = (point: string, mounts = listMounts()): Mount | undefined => mounts.findLast((one) => one.point === point);

/** The same options, but none may write. */
export const withoutWriting = (options: string): string => ['ro', ...options.split(',').filter((one) => one !== 'ro' && one !== 'rw')].join(',');

let tried: string | undefined;
/** Why this root may not change a mount, or ''; tried once, in a mount namespace that ends with the trial. Only root can tell. */
export function noRemount(): string {
  if (process.geteuid?.() !== 0) return '';
  try {
    if (tried === undefined) capture('unshare', ['--mount', 'mount', '-i', '-o', 'remount,bind,ro', '--', '/proc']);
    return (tried ??= '');
  } catch (error) {
    return (tried = `this root may not change mounts (${messageOf(error).trim().split('\n').at(-1) ?? ''}); run as root that has CAP_SYS_ADMIN`);
  }
}

/**
 * Gives one mount these options and leaves other mounts of the same file system as they are (mount(8), "remount,bind").
 * The inverse is the same with the options it had. @throws FirebreakError `remount-refused`, as when files are open for writing.
 */
export function remount(point: string, options: string): void {
  try {
    capture('mount', ['-i', '-o', `remount,bind,${options}`, '--', point]);
  } catch (error) {
    const busy = /busy/i.test(messageOf(error));
    throw new FirebreakError('remount-refused', `${point} cannot be mounted ${options}: ${busy ? 'files on it are open for writing' : messageOf(error)}`, {
      hint: busy ? 'a disk turns read-only only while nobody writes to it: close what is open, or use action: fill' : 'run as root',
      cause: error,
    });
  }
}
