import { readFileSync } from 'node:fs';
import { FirebreakError, messageOf } from '../../kernel/errors.ts';
import { openMysql } from './mysql.ts';
import { openPostgres } from './postgres.ts';
import { dialectOf, parseReference } from './reference.ts';
import { type Place, type Server } from './session.ts';

/** The database behind a reference. @throws FirebreakError `bad-target`, `no-credentials`; never with a password in its words. */
export function serverOf(target: string): Server {
  const place = placeOf(urlOf(target), target);
  return place.dialect === 'postgres' ? openPostgres(place) : openMysql(place);
}

function urlOf(target: string): string {
  const reference = parseReference(target);
  if ('error' in reference) throw new FirebreakError('bad-target', reference.error, { hint: reference.hint });
  if (reference.kind === 'url') return reference.url;
  if (reference.kind === 'env') {
    const value = process.env[reference.name] ?? '';
    if (value !== '') return value;
    throw new FirebreakError('no-credentials', `the environment variable ${reference.name} is not set here`, { hint: `export ${reference.name}=postgres://USER:PASSWORD@HOST/DATABASE` });
  }
  try {
    return readFileSync(reference.path, 'utf8').split('\n')[0]?.trim() ?? '';
  } catch (error) {
    throw new FirebreakError('no-credentials', `the file with the URL cannot be read: ${messageOf(error)}`, { hint: 'its first line is the URL of the database' });
  }
}

function placeOf(text: string, target: string): Place {
  const url = URL.parse(text);
  const dialect = url === null ? undefined : dialectOf(url);
  if (url === null || dialect === undefined) {
    throw new FirebreakError('bad-target', `${target} does not hold the URL of a PostgreSQL or MySQL database`, { hint: 'postgres://USER:PASSWORD@HOST:PORT/DATABASE' });
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (dialect === 'postgres' ? 5_432 : 3_306));
  return { dialect, url, host, port, name: `${dialect === 'postgres' ? 'PostgreSQL' : 'MySQL'} ${url.hostname || 'local'}:${port}${url.pathname}` };
}
