import { isMap, type Node } from 'yaml';
import { protocol, type Route } from '../contract/models.ts';
import { manifestOf, manifests } from '../faults/manifests.ts';
import { type FaultManifest } from '../kernel/fault.ts';
import { stableHash } from '../kernel/hash.ts';
import { rejectCondition } from './condition-place.ts';
import { type Policy } from './file.ts';
import { type Entries, type Entry, type Reader } from './reader.ts';
import { policyShape } from '../contract/sections.ts';
import { whenError } from './when.ts';
import { nearest, remedy, snake } from './wording.ts';

/** The limit of the pastaay v1 format (CAPABILITIES). */
export const MAX_POLICIES = 1_024;

const BASE = ['type', ...Object.keys(policyShape)];
const TYPES = Object.keys(manifests);

/** What a policy may refer to outside itself. */
export interface Surroundings {
  readonly routes: readonly Route[];
  /** Names of routes that come from outside the file. */
  readonly knownRoutes: readonly string[];
}

/** Reads the list of policies; every finding goes to the reader. */
export function readPolicies(reader: Reader, section: Entry, around: Surroundings): readonly Policy[] {
  const items = reader.items(
    section,
    '{ name: slow, type: http, target: /, latency_chance: 1, latency_duration: 500ms }',
  );
  const over = items[MAX_POLICIES];
  if (over !== undefined) {
    reader.report(
      over.offset,
      section.path,
      `policies: expected at most ${MAX_POLICIES}, found ${items.length}`,
      'split the file, or widen targets so that fewer policies say the same',
    );
    return [];
  }
  const policies: Policy[] = [];
  const names = new Map<string, number>();
  for (const item of items) {
    const policy = readPolicy(reader, item, around, names);
    if (policy !== undefined) policies.push(policy);
  }
  return named(policies);
}

function readPolicy(reader: Reader, item: Entry, around: Surroundings, names: Map<string, number>): Policy | undefined {
  const before = reader.issues.length;
  const manifest = typeOf(reader, item);
  if (manifest === undefined) return undefined;
  const shape = manifest.params.shape;
  const entries = reader.mapping(item, [...BASE, ...Object.keys(shape)], (key) => elsewhere(key, manifest.type));
  if (entries === undefined) return undefined;

  const base = reader.fields(item, entries, policyShape);
  const params = reader.fields(item, entries, shape as typeof shape & Record<string, never>);
  const place = reader.place(item.offset);
  if (reader.issues.length === before) checkParams(reader, item, entries, manifest, params);
  checkWhen(reader, entries.get('when'), manifest, params['when']);
  reader.unique(entries.get('name'), base.name, names);
  checkTarget(reader, item, entries.get('target'), manifest, base.target);
  checkRoute(reader, entries.get('route'), base.route ?? '', manifest, around);
  if (reader.issues.length > before) return undefined;
  return {
    name: base.name ?? '',
    type: manifest.type,
    target: base.target ?? '',
    route: base.route ?? '',
    params,
    place,
    hash: 0,
  };
}

/** The manifest that the `type` of a policy names; case does not count, as in the format's own reader. */
function typeOf(reader: Reader, item: Entry): FaultManifest | undefined {
  const fields = [
    ...new Set([...BASE, ...Object.values(manifests).flatMap(({ params }) => Object.keys(params.shape))]),
  ];
  if (!isMap(item.node)) {
    reader.reject(item, 'expected a policy', `write its fields, such as { name: slow, type: http, target: /charge* }`);
    return undefined;
  }
  const found = item.node.items.find((pair) => String(pair.key) === 'type');
  const entry: Entry = {
    key: 'type',
    node: (found?.value as Node | undefined) ?? null,
    offset: (found?.key as Node | undefined)?.range?.[0] ?? item.offset,
    path: `${item.path}.type`,
  };
  const written = found === undefined ? undefined : ((found.value as Node | null)?.toJSON() as unknown);
  const manifest = typeof written === 'string' ? manifestOf(written.toLowerCase()) : undefined;
  if (manifest !== undefined) return manifest;
  const near = typeof written === 'string' ? nearest(written, TYPES) : undefined;
  const hint = near === undefined ? `the types are ${TYPES.join(', ')}` : `did you mean ${near}?`;
  if (written === undefined || written === null) {
    reader.missing({ ...item, offset: entry.offset }, 'type', hint, 'the type of a fault');
  } else {
    reader.reject(entry, `expected one of ${TYPES.join(', ')}`, hint);
  }
  // Without a type only the names of the fields can be judged: those that no type has are reported all the same.
  reader.mapping(item, fields);
  return undefined;
}

/** The remedy for a field that another type of fault has. */
function elsewhere(key: string, type: string): string | undefined {
  const owners = Object.values(manifests).filter(({ params }) =>
    Object.keys(params.shape).some((field) => snake(field) === snake(key)),
  );
  if (owners.length === 0) return undefined;
  const names = owners.map((owner) => owner.type).join(', ');
  return `${snake(key)} is a field of ${names}, not of ${type}: remove it or change the type`;
}

function checkParams(
  reader: Reader,
  item: Entry,
  entries: Entries,
  manifest: FaultManifest,
  params: Record<string, unknown>,
): void {
  for (const { field, message, hint } of manifest.check?.(params) ?? []) {
    const entry = entries.get(field);
    if (entry !== undefined) reader.reject(entry, message, hint);
    else reader.report(item.offset, `${item.path}.${snake(field)}`, `${snake(field)}: ${message}, found nothing`, hint);
  }
}

function checkWhen(reader: Reader, entry: Entry | undefined, manifest: FaultManifest, when: unknown): void {
  if (entry === undefined || typeof when !== 'string') return;
  const wrong = whenError(manifest.type, when);
  if (wrong !== undefined) rejectCondition(reader, entry, when, wrong);
}

function checkTarget(
  reader: Reader,
  item: Entry,
  entry: Entry | undefined,
  manifest: FaultManifest,
  target: string | undefined,
): void {
  if (target === undefined) return;
  const hint = remedy('target', manifest.target);
  if (target.trim() === '') {
    if (!manifest.target.required) return;
    if (entry === undefined) reader.missing(item, 'target', hint);
    else reader.reject(entry, 'expected a target', hint);
    return;
  }
  const finding = manifest.target.check?.(target);
  if (finding !== undefined && entry !== undefined) reader.reject(entry, finding.message, finding.hint);
}

function checkRoute(
  reader: Reader,
  entry: Entry | undefined,
  name: string,
  manifest: FaultManifest,
  around: Surroundings,
): void {
  if (entry === undefined || name === '') return;
  if (manifest.layer !== 'wire')
    return reader.reject(
      entry,
      `expected no route: ${manifest.type} acts on this machine, not on traffic`,
      'remove the field route',
    );
  const route = around.routes.find((known) => known.name === name);
  if (route !== undefined && !sameProtocol(route, manifest.type)) {
    return reader.reject(
      entry,
      `expected a route of protocol ${manifest.type}, and this one carries ${route.protocol}`,
      'name another route, or change the type of the policy',
    );
  }
  const known = [...new Set([...around.routes.map((one) => one.name), ...around.knownRoutes])];
  if (route !== undefined || known.includes(name) || known.length === 0) return;
  const near = nearest(name, known);
  reader.reject(
    entry,
    'expected the name of a route',
    near === undefined ? `the routes are ${known.join(', ')}` : `did you mean ${near}?`,
  );
}
/** Policies of type tcp take hold of bytes, whatever these mean. */
const sameProtocol = (route: Route, type: string): boolean =>
  type === 'tcp' || !protocol.safeParse(type).success || route.protocol === type;

/** Gives a nameless policy the name of its type and a number, and every policy its hash. */
function named(policies: readonly Policy[]): readonly Policy[] {
  const taken = new Set(policies.map(({ name }) => name));
  const counts = new Map<string, number>();
  return policies.map((policy) => {
    let { name } = policy;
    while (name === '' || (policy.name === '' && taken.has(name))) {
      const count = (counts.get(policy.type) ?? 0) + 1;
      counts.set(policy.type, count);
      name = `${policy.type}-${count}`;
    }
    const { type, target, route, params } = policy;
    return { ...policy, name, hash: stableHash({ name, type, target, route, params }) };
  });
}
