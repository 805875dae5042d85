import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type FileIssue, protocol, type Route } from '../contract/models.ts';
import { errnoOf, EXIT, FirebreakError, messageOf } from '../kernel/errors.ts';
import { readExperiment } from './experiment.ts';
import { type FirebreakFile } from './file.ts';
import { readPolicies } from './policies.ts';
import { type Entries, type Entry, Reader } from './reader.ts';
import { experimentShape, headShape, ignoredList, routeShape } from '../contract/sections.ts';
import { snake } from './wording.ts';
import { MAX_BYTES, readYaml } from './yaml.ts';

export type LoadResult =
  { readonly ok: true; readonly file: FirebreakFile } | { readonly ok: false; readonly issues: readonly FileIssue[] };
export interface LoadOptions {
  /** Names of routes that exist outside the file (those of the demo, of a room already open). */
  readonly knownRoutes?: readonly string[];
}

const SECTIONS = ['ignoredCommands', 'routes', 'policies', 'experiment'];

/**
 * Reads a Firebreak file, or a pastaay v1 policy file, from its text. Never throws for what the text says: all findings
 * come back together, in the order of the lines.
 * @param file what to call it in messages.
 */
export function loadText(source: string, file: string, options: LoadOptions = {}): LoadResult {
  const yaml = readYaml(source, file);
  if (!('root' in yaml)) return { ok: false, issues: yaml.issues };
  const reader = new Reader(yaml, file);
  const top: Entry = { key: 'the file', node: yaml.root, offset: yaml.root.range?.[0] ?? 0, path: '' };
  const entries = reader.mapping(top, [...Object.keys(headShape), ...SECTIONS], foreign);
  if (entries === undefined) return { ok: false, issues: sorted(reader.issues) };

  const head = reader.fields(top, entries, headShape);
  const ignoredCommands = readIgnored(reader, entries.get('ignoredCommands'));
  const { routes, broken } = readRoutes(reader, entries.get('routes'));
  const around = { routes, knownRoutes: [...broken, ...(options.knownRoutes ?? [])] };
  const section = entries.get('policies');
  const policies = section === undefined ? [] : readPolicies(reader, section, around);
  const drill = entries.get('experiment');
  const names = [...routes.map((route) => route.name), ...around.knownRoutes];
  const experiment = drill === undefined ? null : readExperiment(reader, drill, names);
  if (reader.issues.length > 0) return { ok: false, issues: sorted(reader.issues) };

  const { name = '', seed, warmupDuration, enableDefaultIgnored } = head as Required<typeof head>;
  return {
    ok: true,
    file: {
      version: 1,
      file,
      source,
      name: name || nameOf(file),
      seed,
      warmupDuration,
      enableDefaultIgnored,
      ignoredCommands,
      routes,
      policies,
      experiment,
    },
  };
}

/**
 * Reads a Firebreak file from disk; see loadText. A file of more than 5 MiB is not read to its end.
 * @throws FirebreakError `file-unreadable` when the file is not there or may not be read.
 */
export async function loadFile(path: string, options: LoadOptions = {}): Promise<LoadResult> {
  const bytes = await readBytes(path);
  const wrong = (offset: number, message: string, hint: string): LoadResult => {
    const lines = bytes.subarray(0, offset).toString('utf8').split('\n');
    return {
      ok: false,
      issues: [{ file: path, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, path: '', message, hint }],
    };
  };
  if (bytes.length > MAX_BYTES)
    return wrong(0, 'expected at most 5 MiB, found more', 'split the file, or remove what is not policy');
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return wrong(0, 'expected UTF-8 text, found UTF-16', 'save the file as UTF-8');
  }
  const broken = firstInvalid(bytes);
  if (broken !== undefined)
    return wrong(
      broken,
      'expected UTF-8 text, found bytes that are none',
      'this is a binary file, or was saved in another encoding: save it as UTF-8 text',
    );
  return loadText(bytes.toString('utf8'), path, options);
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    await using handle = await open(path, 'r');
    const chunks: Buffer[] = [];
    let total = 0;
    while (total <= MAX_BYTES) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(65_536), 0, 65_536, null);
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      total += bytesRead;
    }
    return Buffer.concat(chunks);
  } catch (error) {
    const hint =
      errnoOf(error) === 'ENOENT'
        ? 'check the path: there is no such file'
        : errnoOf(error) === 'EISDIR'
          ? 'this is a directory: name a file in it'
          : 'check that you may read it';
    throw new FirebreakError('file-unreadable', `cannot read ${path}: ${messageOf(error)}`, {
      hint,
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}

/** The offset of the first bytes that are no UTF-8, or undefined. */
function firstInvalid(bytes: Buffer): number | undefined {
  const decoded = bytes.toString('utf8');
  const again = Buffer.from(decoded, 'utf8');
  if (again.equals(bytes)) return undefined;
  let at = 0;
  while (at < bytes.length && bytes[at] === again[at]) at++;
  return at;
}

/** The remedy for a key at the top that belongs further down. */
function foreign(key: string): string | undefined {
  return [...Object.keys(experimentShape), 'steadyState', 'abort'].some((field) => snake(field) === snake(key))
    ? `${key} belongs under experiment: indent it`
    : undefined;
}

function readIgnored(reader: Reader, section: Entry | undefined): FirebreakFile['ignoredCommands'] {
  if (section === undefined || reader.isNothing(section)) return {};
  const shape = Object.fromEntries(protocol.options.map((name) => [name, ignoredList]));
  const entries = reader.mapping(section, protocol.options);
  if (entries === undefined) return {};
  const values = reader.fields(section, entries, shape);
  return Object.fromEntries(Object.entries(values).filter(([name]) => entries.has(name)));
}

/** The routes, and the names of the broken ones: they lend their names, so that references are not reported too. */
function readRoutes(
  reader: Reader,
  section: Entry | undefined,
): { routes: readonly Route[]; broken: readonly string[] } {
  const routes: Route[] = [];
  const broken: string[] = [];
  if (section === undefined) return { routes, broken };
  const names = new Map<string, number>();
  const addresses = new Map<string, number>();
  const example = '{ name: payments, protocol: http, listen: "127.0.0.1:7101", upstream: "127.0.0.1:7201" }';
  for (const item of reader.items(section, example)) {
    const before = reader.issues.length;
    const entries = reader.mapping(item, Object.keys(routeShape));
    if (entries === undefined) continue;
    const route = reader.fields(item, entries, routeShape);
    reader.unique(entries.get('name'), route.name, names);
    // Port 0 is another port each time.
    if (route.listen?.endsWith(':0') === false)
      reader.unique(entries.get('listen'), route.listen, addresses, 'an address');
    const upstream = entries.get('upstream');
    if (upstream !== undefined && route.upstream !== undefined && route.upstream === route.listen) {
      const hint = 'the route would call itself: name the address of the service';
      reader.reject(upstream, 'expected another address than listen', hint);
    }
    checkTls(reader, entries, route);
    checkNames(reader, entries, route);
    if (reader.issues.length === before) routes.push(said(route) as Route);
    else if (route.name !== undefined) broken.push(route.name);
  }
  return { routes, broken };
}

/** Without what is left at its default: most routes say nothing of TLS. */
function said(route: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(route).filter(([, value]) => !isSilent(value)));
}
const isSilent = (value: unknown): boolean =>
  value === undefined || value === false || value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Fields of TLS that would silently do nothing. */
function checkTls(reader: Reader, entries: Entries, route: Partial<Record<keyof typeof routeShape, unknown>>): void {
  const needs = (field: keyof typeof routeShape, other: keyof typeof routeShape): void => {
    const entry = entries.get(field);
    if (entry === undefined || route[other] === true || (other === 'upstreamKey' && route[other] !== '')) return;
    if (isSilent(route[field])) return;
    reader.reject(entry, `expected ${snake(other)} with it: alone it would do nothing`, `add ${snake(other)} to the route`);
  };
  needs('certificateNames', 'terminateTls');
  for (const field of ['upstreamCa', 'upstreamCertificate', 'upstreamKey', 'upstreamName'] as const) needs(field, 'upstreamTls');
  if (route.upstreamCertificate !== '' && route.upstreamKey === '') needs('upstreamCertificate', 'upstreamKey');
  const key = entries.get('upstreamKey');
  if (key !== undefined && route.upstreamKey !== '' && route.upstreamCertificate === '')
    reader.reject(key, 'expected upstream_certificate with it', 'add upstream_certificate to the route');
}

/** TLS that passes unopened by its server name: what does not go with it, and what would be the same name twice. */
function checkNames(reader: Reader, entries: Entries, route: Partial<Record<keyof typeof routeShape, unknown>>): void {
  const [names, refuse] = [entries.get('upstreamsByName'), entries.get('refuseOtherNames')];
  const asked = Object.entries((route.upstreamsByName ?? {}) as Readonly<Record<string, string>>);
  if (names === undefined || asked.length === 0) {
    if (refuse !== undefined && route.refuseOtherNames === true && (names === undefined || route.upstreamsByName !== undefined))
      reader.reject(refuse, 'expected upstreams_by_name with it: alone it would do nothing', 'add upstreams_by_name to the route');
    return;
  }
  for (const field of ['terminateTls', 'upstreamTls'] as const) {
    if (route[field] !== true) continue;
    const hint = `what goes by its name passes unopened; for TLS that is opened, give each name a route of its own`;
    reader.reject(names, `expected no ${snake(field)} beside it`, hint);
  }
  const seen = new Map<string, string>();
  for (const [name, address] of asked) {
    const first = seen.get(name.toLowerCase());
    if (first !== undefined) reader.reject(names, `expected each name once, as capitals do not count (${first}, ${name})`, 'remove one of them');
    seen.set(name.toLowerCase(), name);
    if (address === route.listen)
      reader.reject(names, `expected another address than listen for ${name}`, 'the route would call itself: name the address of the service');
  }
}

const nameOf = (file: string): string =>
  (file.startsWith('<') ? 'untitled' : basename(file).replace(/\.ya?ml$/i, '')) || 'untitled';
const sorted = (issues: readonly FileIssue[]): readonly FileIssue[] =>
  issues.toSorted((a, b) => a.line - b.line || a.column - b.column);
