/**
 * How the target of a process fault names its processes. The text is `KIND:VALUE`; see HELP. Browser-safe: it only
 * reads text; what matches is decided in `matchesSelector` over a plain description of a process.
 */
export type Selector =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'cmd'; readonly text: string }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'port'; readonly port: number }
  | { readonly kind: 'pid'; readonly pids: readonly number[] };

export const SELECTOR_HELP =
  'name:NAME (program; a trailing * is a prefix), cmd:TEXT or cmd:/REGEX/ (command line), group:NAME (systemd unit or cgroup), user:NAME, port:N (listens there), pid:N[,N]';

/** What of a process a selector looks at. */
export interface Selectable {
  readonly pid: number;
  readonly name: string;
  /** The program as it was started, without its folder; '' when unknown. */
  readonly program: string;
  readonly command: string;
  /** The cgroup paths, in no order; empty where there are none. */
  readonly groups: readonly string[];
  /** The name of its owner, or the number of one without a name. */
  readonly user: string;
  /** The TCP ports on which it listens. */
  readonly ports: readonly number[];
}

/** Reads a target; what is wrong with it comes back as a value. */
export function parseSelector(target: string): Selector | { readonly error: string } {
  const colon = target.indexOf(':');
  const kind = target.slice(0, Math.max(0, colon)).trim();
  const value = target.slice(colon + 1).trim();
  if (colon < 0 || value === '') return { error: `expected ${SELECTOR_HELP}` };
  switch (kind) {
    case 'name':
      return value === '*'
        ? { error: 'name:* would be every process; say which program' }
        : { kind: 'name', name: value };
    case 'cmd':
      return value.length > 1 && value.startsWith('/') && value.endsWith('/')
        ? pattern(value.slice(1, -1))
        : { kind: 'cmd', text: value };
    case 'group':
      return value === '/'
        ? { error: 'group:/ would be every process; say which unit or cgroup' }
        : { kind: 'group', group: value };
    case 'user':
      return { kind: 'user', user: value };
    case 'port':
      return /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65_535
        ? { kind: 'port', port: Number(value) }
        : { error: 'expected a port such as port:8080' };
    case 'pid':
      return pids(value);
    default:
      return { error: `unknown kind of target "${kind}": expected ${SELECTOR_HELP}` };
  }
}

function pattern(source: string): Selector | { readonly error: string } {
  if (source === '') return { error: 'cmd:// would be every process; write a regular expression between the slashes' };
  try {
    return { kind: 'pattern', pattern: new RegExp(source) };
  } catch (error) {
    return { error: `cmd:/${source}/ is no regular expression: ${error instanceof Error ? error.message : ''}` };
  }
}

function pids(value: string): Selector | { readonly error: string } {
  const list = value.split(',').map((part) => part.trim());
  if (!list.every((part) => /^[1-9]\d{0,9}$/.test(part))) {
    return { error: 'expected process ids such as pid:4711 or pid:4711,4712' };
  }
  return { kind: 'pid', pids: list.map(Number) };
}

export function matchesSelector(selector: Selector, process: Selectable): boolean {
  switch (selector.kind) {
    case 'name':
      return matchesName(selector.name, process.name) || matchesName(selector.name, process.program);
    case 'cmd':
      return process.command.includes(selector.text);
    case 'pattern':
      return selector.pattern.test(process.command);
    case 'group':
      return process.groups.some((path) => inGroup(path, selector.group));
    case 'user':
      return process.user === selector.user;
    case 'port':
      return process.ports.includes(selector.port);
    case 'pid':
      return selector.pids.includes(process.pid);
  }
}

function matchesName(wanted: string, name: string): boolean {
  if (name === '') return false;
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

/** A path names a cgroup and all below it; a bare name is any level of the path, such as `nginx.service`. */
function inGroup(path: string, group: string): boolean {
  if (group.startsWith('/')) {
    const root = group.replace(/\/+$/, '');
    return path === root || path.startsWith(`${root}/`);
  }
  return path.split('/').includes(group);
}
