/**
 * How the target of a database fault names its server: a URL without a password, or where the URL with its password is kept.
 * Browser-safe: it only reads text. What is journaled, shown and reported is this reference and never a password.
 */
export type Reference =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

export const REFERENCE_HELP =
  'env:NAME (an environment variable that holds the URL), file:/PATH (a file whose first line is the URL), or a URL without a password: postgres://USER@HOST:PORT/DATABASE, mysql://USER@HOST:PORT/DATABASE';

export type Dialect = 'postgres' | 'mysql';
const DIALECTS: Readonly<Record<string, Dialect>> = { 'postgres:': 'postgres', 'postgresql:': 'postgres', 'mysql:': 'mysql', 'mariadb:': 'mysql' };

export function dialectOf(url: URL): Dialect | undefined {
  return DIALECTS[url.protocol];
}

/** Reads a target; what is wrong with it comes back as a value. */
export function parseReference(target: string): Reference | { readonly error: string; readonly hint: string } {
  const env = /^env:\s*([A-Za-z_][A-Za-z0-9_]*)$/.exec(target);
  if (env !== null) return { kind: 'env', name: env[1] ?? '' };
  const file = /^file:\s*(\/.+)$/.exec(target);
  if (file !== null) return { kind: 'file', path: file[1] ?? '' };
  const url = URL.parse(target);
  if (url === null || dialectOf(url) === undefined) return { error: `expected ${REFERENCE_HELP}`, hint: 'write for example env:DATABASE_URL' };
  if (url.password !== '' || url.searchParams.has('password')) {
    return {
      error: 'the URL holds a password, which would be kept in the history, the journal and every report',
      hint: 'put the URL into an environment variable and write env:DATABASE_URL, or into a file and write file:/PATH',
    };
  }
  return { kind: 'url', url: target };
}
