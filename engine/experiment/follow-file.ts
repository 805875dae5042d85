import { type RunId } from '../kernel/brands.ts';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FileIssue, type PolicyChange, type Route } from '../contract/models.ts';
import { type FirebreakFile } from '../policy/file.ts';
import { loadFile } from '../policy/load.ts';
import { watchFile } from '../policy/watch.ts';
import { type EventBus } from '../telemetry/bus.ts';
import { type Applied } from './applied.ts';
import { type Prepared, withRoutes } from './prepare.ts';

/** What was applied, and how. */
export interface Followed {
  readonly run: RunId;
  readonly prepared: Prepared;
  /** Those that the caller gave; they stand in for the file's own on each reload too. */
  readonly routes: readonly Route[];
}

export interface FollowParts {
  readonly clock: Clock;
  readonly bus: EventBus;
  /** Hears each change of the file that is in force from now on. */
  readonly inForce: (file: FirebreakFile) => void;
}

/** Throws `file-unreadable` for what cannot be watched, such as a text without a file. */
export async function readable(path: string): Promise<void> {
  await loadFile(path);
}

/**
 * Follows the file of an apply until disposed: brings each valid change into force, and tells of it and of what is
 * broken as events of the run. What is in force stays so until something valid takes its place.
 */
export function followFile(
  applied: Pick<Applied, 'reload' | 'ended'>,
  { run, prepared, routes }: Followed,
  { clock, bus, inForce }: FollowParts,
): Promise<AsyncDisposable> {
  const path = prepared.file.file;
  let seen: FirebreakFile | undefined;
  // A file without a seed keeps the one drawn at first: another would change every policy.
  let { seed } = prepared;
  const tell = (text: string, issues: readonly FileIssue[] = []): void => {
    if (applied.ended) return;
    const lines = issues.map(({ file, line, column, path: where, message, hint }) => {
      const remedy = hint === '' ? '' : ` (${hint})`;
      return `\n  ${file}:${line}:${column}: ${where === '' ? '' : `${where}: `}${message}${remedy}`;
    });
    const found = issues.length === 0 ? {} : { issues: [...issues] };
    bus.publish(run, { kind: 'log', level: 'error', text: `${text}${lines.join('')}`, ...found });
  };
  const load = async (file: FirebreakFile): Promise<void> => {
    seen = file;
    const next = { file: withRoutes(file, routes), seed: file.seed ?? seed };
    try {
      const reloaded = await applied.reload(next);
      if (reloaded === undefined) return;
      seed = next.seed;
      inForce(next.file);
      bus.publish(run, { kind: 'policy', text: changeText(reloaded.change), change: reloaded.change });
      if (reloaded.issues.length > 0) tell(`${path}: not everything of it is in force`, reloaded.issues);
    } catch (error) {
      const hint = error instanceof FirebreakError && error.hint !== '' ? ` (${error.hint})` : '';
      tell(`${path} cannot be applied; the last good one stays in force: ${messageOf(error)}${hint}`);
    }
  };
  return watchFile(path, {
    clock,
    knownRoutes: routes.map(({ name }) => name),
    onLoad: async (file) => {
      // The first one is what has just been applied, unless someone was quicker.
      if (seen === undefined && file.source === prepared.file.source) seen = file;
      else await load(file);
    },
    // Given before is not in force: it may have been refused.
    onRestored: () => load(seen ?? prepared.file),
    onError: (issues) => {
      const count = issues.length === 1 ? 'one error' : `${issues.length} errors`;
      tell(`${path} has ${count}; the last good one stays in force`, issues);
    },
  });
}

/** Such as `reloaded: 1 policy added, 2 unchanged, 1 route opened`. */
export function changeText({ added, changed, removed, unchanged, routesOpened, routesClosed }: PolicyChange): string {
  const policies = listed({ added, changed, removed, unchanged }, 'policy', 'policies');
  const routes = listed({ opened: routesOpened, closed: routesClosed }, 'route', 'routes');
  return `reloaded: ${[...policies, ...routes].join(', ') || 'no policies'}`;
}

/** The counts that are not nought; only the first one names what is counted. */
function listed(counts: Readonly<Record<string, number>>, one: string, many: string): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([word, count], at) => `${count} ${at > 0 ? '' : `${count === 1 ? one : many} `}${word}`);
}
