import { existsSync } from 'node:fs';
import { type GuestOptions } from './guest.ts';

/** The init system of most machines as process 1 of a guest, with no units but the targets that every service waits for. */

const PROGRAM = '/lib/systemd/systemd';
/** Of newer systemd: what becomes a service. */
const EXECUTOR = '/usr/lib/systemd/systemd-executor';
const TARGETS = ['multi-user', 'basic', 'sysinit', 'sockets', 'timers', 'paths', 'slices', 'local-fs', 'shutdown'].map(
  (name) => `/lib/systemd/system/${name}.target`,
);

/** For `skip` of a test: why there is no systemd for a guest here, or false. */
export const systemdMissing = (): string | false =>
  !existsSync(PROGRAM) && 'systemd is missing (apt install --no-install-recommends systemd)';

/** @param before lines of shell that have to be done before it starts, such as the mounting of disks. */
export function withSystemd(
  options: Omit<GuestOptions, 'boot'> & { readonly before: string },
): GuestOptions & { readonly boot: string } {
  const { before, programs = [], files = [], ...rest } = options;
  // Without a number of its own the machine would be new to it, and it would enable every unit.
  const boot = `${before}
echo 0123456789abcdef0123456789abcdef >/etc/machine-id
exec systemd --unit=multi-user.target`;
  return {
    ...rest,
    programs: [...programs, 'systemd', 'systemctl'],
    files: [...files, ...TARGETS, ...[EXECUTOR].filter((path) => existsSync(path))],
    boot,
  };
}
