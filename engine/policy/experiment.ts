import { isScalar } from 'yaml';
import { httpProbeSpec, prometheusProbeSpec, type ProbeSpec } from '../kernel/probe.ts';
import { rejectCondition } from './condition-place.ts';
import { compileCondition } from './expression.ts';
import { type Experiment, type SteadyStateCheck } from './file.ts';
import { type Entry, type Reader, type Shape } from './reader.ts';
import { abortShape, checkShape, experimentShape } from '../contract/sections.ts';
import { nearest } from './wording.ts';

const PROBES: Readonly<Record<string, { readonly shape: Shape }>> = {
  http: httpProbeSpec,
  prometheus: prometheusProbeSpec,
};

/** Reads the experiment section; every finding goes to the reader. `routes` are the names that route:// may use. */
export function readExperiment(reader: Reader, section: Entry, routes: readonly string[]): Experiment | null {
  const before = reader.issues.length;
  const entries = reader.mapping(section, [...Object.keys(experimentShape), 'steadyState', 'abort']);
  if (entries === undefined) return null;
  const head = reader.fields(section, entries, experimentShape);
  const list = entries.get('steadyState');
  const items =
    list === undefined
      ? []
      : reader.items(
          list,
          '{ name: checkout, probe: { type: http, url: "http://127.0.0.1:7000/" }, expect: success_rate >= 0.99 }',
        );
  if (items.length === 0 && (list === undefined || reader.issues.length === before)) {
    reader.report(
      list?.offset ?? section.offset,
      `${section.path}.steady_state`,
      'steady_state: expected at least one check, found none',
      'an experiment that measures nothing can claim nothing: add a name, a probe and what to expect of it',
    );
  }
  const names = new Map<string, number>();
  const steadyState = items
    .map((item) => readCheck(reader, item, routes, names))
    .filter((check) => check !== undefined);
  const written = entries.get('abort');
  const abort = written === undefined || reader.isNothing(written) ? null : readAbort(reader, written);
  if (reader.issues.length > before) return null;
  return { ...(head as Required<typeof head>), steadyState, abort };
}

function readCheck(
  reader: Reader,
  item: Entry,
  routes: readonly string[],
  names: Map<string, number>,
): SteadyStateCheck | undefined {
  const entries = reader.mapping(item, [...Object.keys(checkShape), 'probe']);
  if (entries === undefined) return undefined;
  const { name, expect } = reader.fields(item, entries, checkShape);
  reader.unique(entries.get('name'), name, names);
  checkCondition(reader, entries.get('expect'), expect);
  const written = entries.get('probe');
  if (written === undefined) {
    const hint = 'say what to measure, such as probe: { type: http, url: "http://127.0.0.1:7000/" }';
    reader.missing(item, 'probe', hint, 'a probe');
  }
  const probe = written === undefined ? undefined : readProbe(reader, written, routes);
  return name === undefined || expect === undefined || probe === undefined ? undefined : { name, probe, expect };
}

function readProbe(reader: Reader, section: Entry, routes: readonly string[]): ProbeSpec | undefined {
  const every = [...new Set(Object.values(PROBES).flatMap(({ shape }) => Object.keys(shape)))];
  const before = reader.issues.length;
  const all = reader.mapping(section, every);
  if (all === undefined) return undefined;
  const kind = all.get('type');
  const type = isScalar(kind?.node) ? String(kind.node.value) : '';
  const spec = Object.hasOwn(PROBES, type) ? PROBES[type] : undefined;
  if (spec === undefined) {
    const near = nearest(type, Object.keys(PROBES));
    const hint = near === undefined ? 'write type: http or type: prometheus' : `did you mean ${near}?`;
    if (kind === undefined) reader.missing(section, 'type', hint, 'the type of a probe');
    else reader.reject(kind, 'expected http or prometheus', hint);
    return undefined;
  }
  for (const [field, entry] of all) {
    if (field in spec.shape) continue;
    const hint = `remove it; the fields are ${Object.keys(spec.shape).join(', ')}`;
    reader.report(entry.offset, entry.path, `expected a field of a ${type} probe, found ${entry.key}`, hint);
  }
  const values = reader.fields(section, all, spec.shape);
  checkUrl(reader, all.get('url'), values['url'], routes);
  return reader.issues.length > before ? undefined : (values as unknown as ProbeSpec);
}

function checkUrl(reader: Reader, entry: Entry | undefined, url: unknown, routes: readonly string[]): void {
  if (entry === undefined || typeof url !== 'string') return;
  const route = /^route:\/\/([^/?#]*)/.exec(url)?.[1];
  if (route === undefined) {
    if (/^https?:\/\//.test(url) && URL.canParse(url)) return;
    return reader.reject(
      entry,
      'expected a URL that begins with http://, https:// or route://',
      'write for example http://127.0.0.1:7000/health, or route://NAME/health with the name of a route',
    );
  }
  if (routes.includes(route)) return;
  const near = nearest(route, routes);
  const hint =
    near !== undefined
      ? `did you mean route://${near}?`
      : routes.length > 0
        ? `the routes are ${routes.join(', ')}`
        : 'this file has no routes: add one under routes, or write the address with http://';
  reader.reject(entry, `expected the name of a route after route://`, hint);
}

function readAbort(reader: Reader, section: Entry): Experiment['abort'] {
  const entries = reader.mapping(section, Object.keys(abortShape));
  if (entries === undefined) return null;
  const { when, for: span } = reader.fields(section, entries, abortShape);
  checkCondition(reader, entries.get('when'), when);
  return when === undefined || span === undefined ? null : { when, for: span };
}

/** Compiles a condition; what is wrong with it is reported at the character where it goes wrong. */
function checkCondition(reader: Reader, entry: Entry | undefined, source: string | undefined): void {
  if (entry === undefined || source === undefined) return;
  const condition = compileCondition(source);
  if (!('error' in condition)) return;
  rejectCondition(reader, entry, source, condition);
}
