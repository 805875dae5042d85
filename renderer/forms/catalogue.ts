import { type ManifestInfo } from '../../engine/contract/api.ts';
import {
  abortShape,
  checkShape,
  experimentShape,
  headShape,
  httpProbeSpec,
  ignoredList,
  policyShape,
  prometheusProbeSpec,
  routeShape,
  snake,
} from '../../engine/contract/sections.ts';
import { protocol } from '../../engine/contract/models.ts';
import { manifests, manifestOf } from '../../engine/faults/manifests.ts';
import { choice, type Field, fieldsOf, section } from '../../engine/contract/fields.ts';
import { type Path } from './document.ts';

/** What may stand where in a Firebreak file: the same schemas for the form, the completion and the order of new keys. */

export const FAULT_TYPES: readonly string[] = Object.keys(manifests);
export const PROBE_TYPES = ['http', 'prometheus'] as const;

const ignored = fieldsOf(Object.fromEntries(protocol.options.map((name) => [name, ignoredList])));
const policyBase = fieldsOf(policyShape);
const type = choice('type', 'What kind of fault it is.', FAULT_TYPES);
const base = (name: string): readonly Field[] => policyBase.filter((field) => field.name === name);
const experimentFields = fieldsOf(experimentShape);

/** The fields of the file itself, in the order in which a new one is written. */
export const TOP: readonly Field[] = [
  ...fieldsOf(headShape),
  section('ignoredCommands', 'What no fault may touch, by protocol.'),
  section('routes', 'Where traffic is taken and where it goes on to.'),
  section('policies', 'The faults.'),
  section('experiment', 'What you believe, how it is measured and when it ends.'),
];
export const IGNORED = ignored;
export const ROUTE = fieldsOf(routeShape);
export const EXPERIMENT: readonly Field[] = [
  ...experimentFields,
  section('steadyState', 'What is measured, and what must hold.', true),
  section('abort', 'When the experiment ends itself.'),
];
const CHECK_FIELDS = fieldsOf(checkShape);
export const CHECK: readonly Field[] = [
  ...CHECK_FIELDS.filter(({ name }) => name === 'name'),
  section('probe', 'What measures it.', true),
  ...CHECK_FIELDS.filter(({ name }) => name !== 'name'),
];
export const ABORT = fieldsOf(abortShape);

/** What every policy may say before the fields of its type. */
const head = (wire: boolean): readonly Field[] => [
  ...base('name'),
  type,
  ...[...(wire ? base('route') : []), ...base('target')].map((field): Field => ({ ...field, part: 'scope' })),
];
const POLICY = new Map(
  Object.values(manifests).map((manifest) => {
    const target = { help: manifest.target.help, example: manifest.target.example, required: manifest.target.required };
    const common = head(manifest.layer === 'wire').map((field) =>
      field.name === 'target' ? { ...field, ...target } : field,
    );
    const facts = factsOf(manifest.type);
    const own = fieldsOf(manifest.params.shape).map((field) =>
      field.kind === 'condition' ? { ...field, facts } : field,
    );
    return [manifest.type as string, [...common, ...own] as readonly Field[]];
  }),
);
/** `request.method`, `request.headers['…']`: as they are written in a condition. */
function factsOf(type: string): readonly string[] {
  const facts = manifestOf(type)?.facts ?? {};
  const written = (name: string, kind: string): string => (kind.startsWith('map') ? `${name}['…']` : name);
  return Object.entries(facts).flatMap(([name, shape]) =>
    typeof shape === 'string'
      ? [written(name, shape)]
      : Object.entries(shape).map(([field, kind]) => written(`${name}.${field}`, kind)),
  );
}

const UNTYPED = head(true);
/** The fields of a policy of a type; those that every type has when there is no such type. */
export const policyFields = (name: string): readonly Field[] => POLICY.get(name.toLowerCase()) ?? UNTYPED;

const PROBES: Readonly<Record<string, readonly Field[]>> = {
  http: fieldsOf(httpProbeSpec.shape).map((field) =>
    field.name === 'type' ? { ...field, choices: PROBE_TYPES } : field,
  ),
  prometheus: fieldsOf(prometheusProbeSpec.shape).map((field) =>
    field.name === 'type' ? { ...field, choices: PROBE_TYPES } : field,
  ),
};
/** The fields of a probe of a type; the type alone when there is no such type. */
export const probeFields = (name: string): readonly Field[] =>
  (Object.hasOwn(PROBES, name) ? PROBES[name] : undefined) ?? [choice('type', 'What measures.', PROBE_TYPES)];

/** One line on a type of fault. */
export const summaryOf = (name: string): string => manifestOf(name)?.summary ?? '';
/** Whether a type of fault acts on traffic of routes. */
export const isWire = (name: string): boolean =>
  (manifestOf(name)?.layer satisfies ManifestInfo['layer'] | undefined) !== 'host';

/** The fields of the mapping at a path, or undefined when nothing is known of it. `typeAt` reads the `type` in a mapping. */
export function fieldsAt(path: Path, typeAt: (path: Path) => string): readonly Field[] | undefined {
  const steps = path.map((step) => (typeof step === 'number' ? '[]' : snake(step))).join('.');
  switch (steps) {
    case '':
      return TOP;
    case 'ignored_commands':
      return IGNORED;
    case 'routes.[]':
      return ROUTE;
    case 'policies.[]':
      return policyFields(typeAt(path));
    case 'experiment':
      return EXPERIMENT;
    case 'experiment.steady_state.[]':
      return CHECK;
    case 'experiment.steady_state.[].probe':
      return probeFields(typeAt(path));
    case 'experiment.abort':
      return ABORT;
    default:
      return undefined;
  }
}
