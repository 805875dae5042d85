/**
 * How the target of a container fault names its containers: `KIND:VALUE`. Browser-safe: it only reads text; what matches is
 * decided over a plain description of a container.
 */
export type Selector =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'image'; readonly image: string }
  | { readonly kind: 'label'; readonly key: string; readonly value: string | null }
  | { readonly kind: 'service'; readonly project: string; readonly service: string }
  | { readonly kind: 'project'; readonly project: string };

export const SELECTOR_HELP =
  'name:NAME (a trailing * is a prefix), id:ID (12 digits or more), image:IMAGE, label:KEY or label:KEY=VALUE, service:SERVICE or service:PROJECT/SERVICE (compose), project:PROJECT (compose)';

/** What of a container a selector looks at. */
export interface Selectable {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The labels that compose gives its containers (docs.docker.com/compose, "Project name"). */
const PROJECT = 'com.docker.compose.project';
const SERVICE = 'com.docker.compose.service';

/** Reads a target; what is wrong with it comes back as a value. */
export function parseSelector(target: string): Selector | { readonly error: string } {
  const colon = target.indexOf(':');
  const kind = target.slice(0, Math.max(0, colon)).trim();
  const value = target.slice(colon + 1).trim();
  if (colon < 0 || value === '') return { error: `expected ${SELECTOR_HELP}` };
  switch (kind) {
    case 'name':
      return value === '*' ? { error: 'name:* would be every container; say which' } : { kind, name: value };
    case 'id':
      return /^[0-9a-f]{12,64}$/.test(value) ? { kind, id: value } : { error: 'expected at least 12 hexadecimal digits such as id:b562e48c815f' };
    case 'image':
      return value === '*' ? { error: 'image:* would be every container; say which' } : { kind, image: value };
    case 'label': {
      const equals = value.indexOf('=');
      return equals < 0 ? { kind, key: value, value: null } : { kind, key: value.slice(0, equals), value: value.slice(equals + 1) };
    }
    case 'service': {
      const [first = '', second] = value.split('/');
      return second === undefined ? { kind, project: '', service: first } : { kind, project: first, service: second };
    }
    case 'project':
      return { kind, project: value };
    default:
      return { error: `unknown kind of target "${kind}": expected ${SELECTOR_HELP}` };
  }
}

export function matchesSelector(selector: Selector, container: Selectable): boolean {
  const { labels } = container;
  switch (selector.kind) {
    case 'name':
      return matches(selector.name, container.name);
    case 'id':
      return container.id.startsWith(selector.id);
    case 'image':
      return matches(selector.image, container.image) || selector.image === withoutTag(container.image);
    case 'label':
      return Object.hasOwn(labels, selector.key) && (selector.value === null || labels[selector.key] === selector.value);
    case 'service':
      return labels[SERVICE] === selector.service && (selector.project === '' || labels[PROJECT] === selector.project);
    case 'project':
      return labels[PROJECT] === selector.project;
  }
}

/** Whether it can only ever mean one container: then taking all that match is what was asked for. */
export const isExact = (selector: Selector): boolean => selector.kind === 'id' || (selector.kind === 'name' && !selector.name.endsWith('*'));

const matches = (wanted: string, name: string): boolean => (wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted);
/** `host:5000/shop/api:2` -> `host:5000/shop/api`; a digest is left out as well. */
const withoutTag = (image: string): string => image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
