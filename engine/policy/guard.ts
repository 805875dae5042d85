import { type GuardResult } from '../contract/models.ts';
import { manifestOf } from '../faults/manifests.ts';
import { type GuardRemark } from '../kernel/fault.ts';
import { type FirebreakFile, type Policy } from './file.ts';

/** The weights of CAPABILITIES, "Guard"; those of the faults themselves are `severity` of their manifests. */
const IGNORES_OFF = 0.85;
const NARROW = 0.4;
const GLOBAL = 1;
const COLLISION = 0.2;
const MAX_RISK = 0.95;
const LEVELS = [
  { from: 75, level: 'CRITICAL' },
  { from: 50, level: 'HIGH' },
  { from: 25, level: 'ELEVATED' },
  { from: 0, level: 'SAFE' },
] as const;

const GUARD_OFF =
  'The built-in ignore lists are off: health checks, migrations and internal topics can be hit as well.';
const MESSAGES: Readonly<Record<GuardRemark, (policy: Policy, allowed: number) => string>> = {
  'blast-radius': (policy, allowed) => `This reaches further (blast radius ${reachOf(policy)} of 5) than the experiment allows (blast_radius: ${allowed}).`,
  'guard-off': () => GUARD_OFF,
  'global-target': ({ type, target }) =>
    `Everything that type ${type} reaches is hit: the target is ${target.trim() === '' ? 'empty' : target}.`,
  collision: ({ type, target, route }) => {
    const what = [type, target, route === '' ? '' : `on route ${route}`].filter((word) => word !== '').join(' ');
    return `An earlier policy hits the same target (${what}): their effects add up.`;
  },
  'tcp-drop': () => 'Connections are cut: clients see a reset, and circuit breakers may open at once.',
  'long-latency': () => 'Delays of 5 s and more use up the threads and connections of callers.',
  oom: () => 'Taking 1024 MB or more may make the system kill processes for lack of memory.',
  'cpu-lock': () => 'This load leaves next to no CPU for anything else on this machine.',
  irreversible: () => 'What this fault ends does not come back by itself: something else must restart it.',
};

/** How far one policy reaches, 1 to 5. */
export function reachOf({ type, params, target }: Pick<Policy, 'type' | 'params' | 'target'>): number {
  return manifestOf(type)?.blastRadius(params, target) ?? 1;
}

/**
 * Scores what a file could do to the system before it does it, 0 (harmless) to 100. Advisory: it refuses nothing.
 * Policies that would change nothing are skipped.
 */
export function assess(file: Pick<FirebreakFile, 'policies' | 'enableDefaultIgnored'> & Partial<Pick<FirebreakFile, 'experiment'>>): GuardResult {
  const issues: GuardResult['issues'] = [];
  let survival = 1;
  if (!file.enableDefaultIgnored) {
    survival *= IGNORES_OFF;
    issues.push({ policy: '', remark: 'guard-off', message: GUARD_OFF });
  }
  /** The routes of each type and target; '' is every route. */
  const seen = new Map<string, Set<string>>();
  const allowed = file.experiment?.blastRadius ?? 5;
  for (const policy of file.policies) {
    const manifest = manifestOf(policy.type);
    if (manifest === undefined || manifest.noop(policy.params)) continue;
    const found: GuardRemark[] = [];
    let scope = NARROW;
    if (isGlobal(policy)) {
      scope = GLOBAL;
      found.push('global-target');
    }
    // On the wire, a target or a header that a request carries narrows more than any rule could know.
    if (manifest.layer === 'host' && reachOf(policy) > allowed) found.push('blast-radius');
    const key = `${policy.type}\0${policy.target}`;
    const earlier = seen.get(key) ?? new Set<string>();
    if (earlier.has('') || earlier.has(policy.route) || (policy.route === '' && earlier.size > 0)) {
      scope = Math.min(GLOBAL, scope + COLLISION);
      found.push('collision');
    }
    seen.set(key, earlier.add(policy.route));
    found.push(...manifest.remarks(policy.params));
    for (const name of new Set(found))
      issues.push({ policy: policy.name, remark: name, message: MESSAGES[name](policy, allowed) });
    survival *= 1 - Math.min(MAX_RISK, manifest.severity(policy.params) * scope);
  }
  // 1 - 0.9 is 0.0999…8 in binary: without the rounding a score that is exactly 10 would come out as 9.
  const score = Math.floor(Math.round(100 * (1 - survival) * 1e9) / 1e9);
  const level = LEVELS.find(({ from }) => score >= from)?.level ?? 'SAFE';
  return { score, level, survival, issues };
}

/** `all`, `database`, `*` or nothing at all, on every route: a route that is named is a scope, whatever the target. */
function isGlobal({ target, route }: Policy): boolean {
  return route === '' && ['', '*', 'all', 'database'].includes(target.trim().toLowerCase());
}
