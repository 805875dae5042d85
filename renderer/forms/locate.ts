import { isMap, isSeq, type Node } from 'yaml';
import { type FileIssue, type Route } from '../../engine/contract/models.ts';
import { snake } from '../../engine/contract/sections.ts';
import { entries, find, keyOf, length, type Path, read, type Source } from './document.ts';
import { contentEnd, startOf } from './places.ts';

/** What of a file a form shows at a time. */
export type Section = Path;

/** The section that an offset of the text lies in: a route, a policy, a check, the experiment, or the file itself. */
export function sectionAt(source: Source, offset: number): Section {
  const inside = (list: Path): Section | undefined => {
    const { node, missing } = find(source, list);
    if (missing > 0 || !isSeq(node)) return undefined;
    const index = node.items.findIndex((item) => {
      const [from = 0] = (item as Node | null)?.range ?? [];
      return item !== null && offset >= from - 2 && offset <= contentEnd(item as Node);
    });
    return index === -1 ? undefined : [...list, index];
  };
  const pair = source.root?.items.find((one) => offset >= startOf(one) && offset <= contentEnd(one));
  switch (snake(pair === undefined ? '' : (keyOf(pair) ?? ''))) {
    case 'routes':
      return inside(['routes']) ?? [];
    case 'policies':
      return inside(['policies']) ?? [];
    case 'experiment':
      return inside(['experiment', 'steadyState']) ?? ['experiment'];
    default:
      return [];
  }
}

/** Where a section begins in the text; undefined when it is not there. */
export function offsetOf(source: Source, path: Path): number | undefined {
  const { node, pair, missing } = find(source, path);
  if (missing > 0) return undefined;
  return pair === null ? node?.range?.[0] : startOf(pair);
}

/** The section whose form shows an issue. */
export function sectionOf({ path }: FileIssue): Section {
  const list = /^(routes|policies)\[(\d+)\]/.exec(path);
  if (list !== null) return [list[1] ?? '', Number(list[2])];
  const check = /^experiment\.(?:steady_state|steadyState)\[(\d+)\]/.exec(path);
  if (check !== null) return ['experiment', 'steadyState', Number(check[1])];
  return path.startsWith('experiment') ? ['experiment'] : [];
}

/** Whether the file says anything about an experiment. */
export const hasExperiment = (source: Source): boolean => {
  const { node, missing } = find(source, ['experiment']);
  return missing === 0 && isMap(node);
};

/** The names of the file's own routes. */
export const routeNames = (source: Source): readonly string[] =>
  entries(source, ['routes']).map((_, index) => read(source, ['routes', index, 'name']).text);

/**
 * The engine's routes that stand in for the file's of the same name, so that what runs here runs through the ports that
 * are open here; and those that the file speaks of without declaring them. A file without routes gets all.
 */
export function standIns(source: Source, open: readonly Route[]): readonly Route[] {
  const own = routeNames(source);
  if (own.length === 0) return open;
  const named = new Set(own);
  for (let index = 0; index < length(source, ['policies']); index++)
    named.add(read(source, ['policies', index, 'route']).text);
  for (let index = 0; index < length(source, ['experiment', 'steadyState']); index++) {
    named.add(
      /^route:\/\/([^/?#]*)/.exec(read(source, ['experiment', 'steadyState', index, 'probe', 'url']).text)?.[1] ?? '',
    );
  }
  return open.filter(({ name }) => named.has(name));
}

/** A name that no item of a list has yet: `slow`, `slow-2` … */
export function freeName(source: Source, list: Path, wanted: string): string {
  const taken = new Set(
    Array.from({ length: length(source, list) }, (_, index) => read(source, [...list, index, 'name']).text),
  );
  const base = wanted.replace(/-\d+$/, '');
  for (let count = 1; ; count++) {
    const name = count === 1 ? wanted : `${base}-${count}`;
    if (!taken.has(name)) return name;
  }
}
