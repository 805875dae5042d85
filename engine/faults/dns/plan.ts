import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest, shared, type TargetPlan } from '../../kernel/fault.ts';
import { stableHash } from '../../kernel/hash.ts';
import { findProcesses, isContainerTarget } from '../../host/container-processes.ts';
import { controlTrees, groupFolder, type Hierarchy, ownGroup, placeIn } from '../../host/control-groups.ts';
import { type DnsCapabilities, GROUP_ROOT, MACHINE_CONF as MACHINE } from '../../host/dns-capabilities.ts';
import { type Match, ofGroup, ofUser } from '../../host/dns-rules.ts';
import { namespaceOf, type NetNamespace, ownNamespace } from '../../host/net-namespace.ts';
import { withoutLinks } from '../../host/path-inside.ts';
import { type ProcessInfo } from '../../host/processes.ts';
import { nameServers, type PriorConf, readConf, textOf } from '../../host/resolv-conf.ts';
import { type Found, nameOf, protectedTarget, type RoomProcesses, selectorOf } from '../../host/process-targets.ts';
import { type DnsParams, parseTarget } from './manifest.ts';
import { type DnsUndo } from './undo.ts';

const noRules = (why: string, so: string): FirebreakError => new FirebreakError('no-rules', `${why}, ${so}`, { hint: 'firebreak doctor says what this machine can do' });

/** More processes than this are named by their user, their control group or their container. */
const MOST_PROCESSES = 64;

/**
 * One target for each network namespace that is touched.
 * @throws FirebreakError `bad-target`, `protected-target`, `no-namespace`, `too-many`, `no-control-groups`, `no-name-server`,
 * `no-container`, `no-rules` where this machine has no rules for it.
 */
export async function planDns(
  list: readonly ProcessInfo[], request: FaultRequest<DnsParams>, room: RoomProcesses, can: DnsCapabilities, token: () => string, signal: AbortSignal,
): Promise<readonly TargetPlan<DnsUndo>[]> {
  const target = parseTarget(request.target);
  if ('error' in target) throw new FirebreakError('bad-target', target.error);
  if (target.kind === 'host') {
    const place = { namespace: ownNamespace(), servers: serversOf(MACHINE), conf: can.redirect === '' ? null : readConf(realpathSync(MACHINE)) };
    return [describe('all programs of this machine', place, { kind: 'all' }, token())];
  }
  if (target.kind === 'netns') {
    const namespace = namespaceOf(target);
    if (namespace === undefined) throw new FirebreakError('no-namespace', `there is no network namespace ${target.name}`, { hint: 'ip netns shows those that have a name' });
    // As `ip netns exec` lets programs see it; ip-netns(8).
    const own = `/etc/netns/${target.name}/resolv.conf`;
    const named = existsSync(own);
    if (can.redirect !== '' && !named) throw noRules(can.redirect, `and there is no ${own} to name a resolver in`);
    const place = { namespace, servers: serversOf(named ? own : MACHINE), conf: can.redirect === '' ? null : readConf(realpathSync(own)) };
    return [describe(`network namespace ${target.name}`, place, { kind: 'all' }, token())];
  }
  if (can.redirect !== '') throw noRules(can.redirect, 'without which nothing smaller than the whole host can be taken');
  const found = await findProcesses(list, request.target, room, signal);
  if (found.fleet.length === 0 && found.spared.length > 0) throw protectedTarget(request.target, found);
  const spaces = Map.groupBy(found.fleet.map((info) => ({ info, namespace: namespaceOf({ pid: info.pid }) })), ({ namespace }) => namespace?.inode ?? 0);
  spaces.delete(0); // ended meanwhile
  return [...spaces.values()].map((members) => {
    const fleet = members.map(({ info }) => info);
    const namespace = members[0]?.namespace as NetNamespace;
    const id = token();
    const scope = scopeOf(list, request.target, fleet, found, namespace, id);
    const servers = [...new Set(fleet.flatMap(({ pid }) => serversOf(withoutLinks(`/proc/${pid}/root/etc/resolv.conf`))))];
    if (can.groups !== '' && (scope.kind === 'groups' || scope.kind === 'moved')) throw noRules(can.groups, 'so that processes cannot be told apart; take their user (user:NAME), or the host');
    return describe(wordsOf(scope, fleet, request.target), { namespace, servers, conf: null }, scope, id);
  });
}

function scopeOf(
  list: readonly ProcessInfo[], target: string, fleet: readonly ProcessInfo[], found: Found, namespace: NetNamespace, token: string,
): DnsUndo['scope'] {
  const selector = isContainerTarget(target) ? undefined : selectorOf(target);
  const pids = new Set(fleet.map(({ pid }) => pid));
  // In a container of which everything matches, everything is taken, whatever is started later.
  const others = list.filter((info) => !info.kernelThread && !pids.has(info.pid) && namespaceOf({ pid: info.pid })?.inode === namespace.inode);
  if (namespace.path !== '' && others.length === 0) return { kind: 'all' };
  const spared = found.spared.length > 0;
  const [first] = fleet;
  if (selector?.kind === 'user' && !spared && first !== undefined) return { kind: 'user', uid: first.uid };
  const tree = groupTree();
  if (selector?.kind === 'group' && !spared) {
    const folders = fleet.map(({ pid }) => groupNamed(tree, pid, selector.group));
    if (folders.every((folder) => folder !== undefined)) return { kind: 'groups', folders: [...new Set(folders)] };
  }
  if (fleet.length > MOST_PROCESSES) {
    throw new FirebreakError('too-many', `${fleet.length} processes match ${target}; ${MOST_PROCESSES} are the most that are moved into control groups`, {
      hint: 'name them by their user or their control group',
    });
  }
  return {
    kind: 'moved',
    processes: fleet.map((info) => {
      const parent = groupFolder(tree, info.pid);
      if (parent === undefined) throw new FirebreakError('no-control-groups', `the control group of process ${nameOf(info)} cannot be seen from here`);
      return { pid: info.pid, started: info.started, name: info.program || info.name, folder: ownGroup(parent, token, info.pid) };
    }),
  };
}

function groupTree(): Hierarchy {
  const tree = controlTrees().find(({ v2 }) => v2);
  if (tree !== undefined) return tree;
  throw new FirebreakError('no-control-groups', 'rules can tell processes apart by control groups of version 2 alone, and none are mounted', {
    hint: 'name them by their user (user:NAME), or take the whole host',
  });
}

/** The folder of the group that a selector names, at or above that of a process. */
function groupNamed(tree: Hierarchy, pid: number, group: string): string | undefined {
  const wanted = group.replace(/\/+$/, '');
  for (let folder = groupFolder(tree, pid); folder !== undefined && folder.length > tree.mount.length; folder = dirname(folder)) {
    if (wanted.startsWith('/') ? folder === `${tree.mount}${wanted}` : basename(folder) === wanted) return folder;
  }
  return undefined;
}

/** What the packets of those in scope are like. */
export function matchesOf({ scope }: DnsUndo): readonly Match[] {
  switch (scope.kind) {
    case 'all':
      return [''];
    case 'user':
      return [ofUser(scope.uid)];
    case 'groups':
      return scope.folders.map(matchOf);
    case 'moved':
      return scope.processes.map(({ folder }) => matchOf(folder));
  }
}
function matchOf(folder: string): Match {
  const { mount, root } = groupTree();
  const depth = [root, relative(mount, folder)].flatMap((path) => path.split('/')).filter((part) => part !== '').length;
  return ofGroup(relative(GROUP_ROOT, folder), depth);
}

function serversOf(path: string): readonly string[] {
  const servers = nameServers(textOf(path));
  if (servers.length > 0) return servers;
  throw new FirebreakError('no-name-server', `${path} names no server that a rule could say`);
}

function wordsOf(scope: DnsUndo['scope'], fleet: readonly ProcessInfo[], target: string): string {
  const some = `${fleet.slice(0, 5).map(nameOf).join(', ')}${fleet.length > 5 ? ` and ${fleet.length - 5} more` : ''}`;
  switch (scope.kind) {
    case 'all':
      return `the network namespace of ${some}`;
    case 'user':
      return `all programs of ${target}`;
    case 'groups':
      return `everything in ${scope.folders.map((folder) => basename(folder)).join(', ')}`;
    case 'moved':
      return `${fleet.length === 1 ? 'process' : 'processes'} ${some}`;
  }
}

/** Where it acts, and by what. */
interface Place {
  readonly namespace: NetNamespace;
  readonly servers: readonly string[];
  readonly conf: PriorConf | null;
}

/** Of faults with other targets nobody could say which of them a program meets; those of the same act one after the other. */
const questionsIn = ({ inode }: NetNamespace, scope: DnsUndo['scope'], token: string): string =>
  shared(`the questions of the network namespace ${inode}`, scopeHash({ scope, token }));

/** Who is in scope, as one word. */
export function scopeHash({ scope, token }: Pick<DnsUndo, 'scope' | 'token'>): string {
  // Who was moved by one fault is out of sight of another.
  return stableHash(scope.kind === 'moved' ? token : scope).toString(16);
}

function describe(
  who: string, { namespace, servers, conf }: Place, scope: DnsUndo['scope'], token: string,
): TargetPlan<DnsUndo> {
  const lead = conf === null
    ? `lead what they ask of ${servers.join(', ')} (port 53) to a resolver of Firebreak's`
    : `this machine has no rules for it, so name a resolver of Firebreak's in ${conf.path} in place of ${servers.join(', ')}`;
  const inverse = conf === null
    ? 'end that resolver: its rules belong to it, and the kernel removes them with it, also should it or Firebreak be killed'
    : `put back what ${conf.path} said, and end that resolver; should Firebreak be killed, it passes everything on until the watchdog has done so`;
  const moved = scope.kind === 'moved' ? 'move each into a control group of its own; ' : '';
  // nss-resolve(8) speaks to systemd-resolved over a socket of its own kind.
  const aside = /^hosts:.*\bresolve\b/m.test(textOf('/etc/nsswitch.conf')) ? '; programs of this machine that ask systemd-resolved by nsswitch.conf are not reached' : '';
  return {
    target: `name resolution of ${who}`,
    undo: { token, namespace, servers: [...servers], scope, conf },
    action: `${moved}${lead}, which takes those that the policy names and passes all others on to the same server, unchanged; what a cache knows already is not asked for${aside}`,
    inverse: `${inverse}${scope.kind === 'moved' ? '; move the processes back' : ''}`,
    reversible: true,
    takes: conf === null ? [questionsIn(namespace, scope, token), ...(scope.kind === 'moved' ? scope.processes.map((one) => placeIn(one.folder, one)) : [])] : [conf.path],
  };
}
