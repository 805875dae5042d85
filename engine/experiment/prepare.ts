import { type Millis, type RunId, millis } from '../kernel/brands.ts';
import { EXIT, FirebreakError, type Issue } from '../kernel/errors.ts';
import { type FaultRequest } from '../kernel/fault.ts';
import { freshSeed } from '../kernel/random.ts';
import { type RunOverrides } from '../contract/api.ts';
import { type FileIssue, type Route, protocol } from '../contract/models.ts';
import { type Experiment, type FirebreakFile } from '../policy/file.ts';
import { ignoredPrefixes } from '../policy/ignored.ts';
import { loadText } from '../policy/load.ts';

/** A file ready to run: overrides applied, routes replaced, a seed drawn. */
export interface Prepared {
  readonly file: FirebreakFile;
  readonly seed: number;
}
export type Preparation = { readonly ok: true; readonly prepared: Prepared } | { readonly ok: false; readonly issues: readonly FileIssue[] };

export interface PrepareInput {
  readonly text: string;
  readonly file: string;
  readonly overrides?: RunOverrides;
  /** These replace the file's routes of the same name; the others are added. */
  readonly routes?: readonly Route[];
}

/** Reads a file and applies what the caller wants changed for this run. Reads nothing but its arguments. */
export function prepare({ text, file, overrides = {}, routes = [] }: PrepareInput): Preparation {
  const loaded = loadText(text, file, { knownRoutes: routes.map(({ name }) => name) });
  if (!loaded.ok) return loaded;
  const experiment = loaded.file.experiment === null ? null : override(loaded.file.experiment, overrides);
  return {
    ok: true,
    prepared: {
      file: { ...withRoutes(loaded.file, routes), experiment },
      seed: overrides.seed ?? loaded.file.seed ?? freshSeed(),
    },
  };
}

/** The file with the caller's routes in place of its own of the same name, and the others added. */
export function withRoutes(file: FirebreakFile, routes: readonly Route[]): FirebreakFile {
  const given = new Map(routes.map((route) => [route.name, route]));
  const own = file.routes.map((route) => given.get(route.name) ?? route);
  return { ...file, routes: [...own, ...routes.filter(({ name }) => !own.some((route) => route.name === name))] };
}

/** Like `prepare`, for callers that cannot go on with a bad file: throws `bad-file` with every finding. */
export function prepareOrThrow(input: PrepareInput): Prepared {
  const result = prepare(input);
  if (result.ok) return result.prepared;
  const count = result.issues.length;
  throw new FirebreakError('bad-file', `${input.file} has ${count === 1 ? 'one error' : `${count} errors`}.`, {
    exitCode: EXIT.usage,
    hint: 'Nothing was changed. Mend the file and try again.',
    issues: result.issues.map(
      ({ file, line, column, path, message, hint }): Issue => ({ place: { file, line, column }, path, message, hint }),
    ),
  });
}

function override(experiment: Experiment, { durationMs, baselineMs, recoveryMs }: RunOverrides): Experiment {
  const pick = (given: number | undefined, own: Millis): Millis => (given === undefined ? own : millis(given));
  return {
    ...experiment,
    duration: pick(durationMs, experiment.duration),
    baseline: pick(baselineMs, experiment.baseline),
    recovery: pick(recoveryMs, experiment.recovery),
  };
}

/** What the injectors are asked for, in file order. */
export function requestsOf({ file, seed }: Prepared, run: RunId, hold: Millis): FaultRequest[] {
  return file.policies.map((policy) => ({
    run,
    policy: policy.name,
    type: policy.type,
    target: policy.target,
    route: policy.route,
    routes: file.routes,
    ignored: ignoredOf(file, policy.type),
    params: policy.params,
    seed,
    hold,
  }));
}

function ignoredOf(file: FirebreakFile, type: string): readonly string[] {
  const spoken = protocol.safeParse(type);
  return spoken.success ? ignoredPrefixes(file, spoken.data) : [];
}
