/** In front of a command line: runs it as a user without any right (setpriv(1)). Only root can become that one. */
export const NOBODY: readonly string[] = [
  'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs',
];
