import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** The name of a user, or the number of one without a name, as in many containers. Reads /etc/passwd; see passwd(5). */
export function userNames(): (uid: number) => string {
  const names = new Map<number, string>();
  for (const line of passwd().split('\n')) {
    const [name = '', , uid = ''] = line.split(':');
    if (name !== '' && /^\d+$/.test(uid) && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  // Users that a directory knows are not in the file; this process's own can be told all the same.
  if (process.getuid !== undefined && !names.has(process.getuid())) names.set(process.getuid(), ownName());
  return (uid) => names.get(uid) ?? String(uid);
}

function passwd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '');
  }
}
