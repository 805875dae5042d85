import { readFileSync } from 'node:fs';

/** One level of this process's control groups that may set a limit. */
export interface ControlLevel {
  readonly folder: string;
  /** True in the unified hierarchy, whose files have other names. */
  readonly v2: boolean;
}

/**
 * The folders in which a limit of `controller` on this process may stand, from its own group up to the root: a limit on
 * any of them holds. Inside a container the path is often that of the host, and only the root folder exists.
 */
export function controlLevels(controller: 'cpu' | 'memory'): readonly ControlLevel[] {
  return readText('/proc/self/cgroup').split('\n').flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':');
    const v2 = controllers === '';
    if (!v2 && !controllers.split(',').includes(controller)) return [];
    const root = v2 ? '/sys/fs/cgroup' : `/sys/fs/cgroup/${controller}`;
    const parts = path.split('/').filter((part) => part !== '');
    return parts.concat('').map((_, index) => ({ folder: [root, ...parts.slice(0, parts.length - index)].join('/'), v2 }));
  });
}

/** A file of /proc or /sys without the white space around it; '' when it is not there. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
