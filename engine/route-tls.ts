import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Route } from './contract/models.ts';
import type { Authority } from './host/certificates.ts';
import type { Clock } from './kernel/clock.ts';
import { EXIT, FirebreakError, messageOf } from './kernel/errors.ts';
import type { TlsMaterial } from './wire/tls/material.ts';

/** What the machine's clients are told to trust, once they have been told. */
export interface CertificateMaker {
  /** What the TLS of a route needs; undefined when it has none. Throws `tls-file` naming route, field and file. */
  material(route: Route): Promise<TlsMaterial | undefined>;
  /** The authority's own certificate as PEM; made at the first call. */
  authority(): Promise<string>;
}

/** Names that a client on this machine may know a route by, besides what its route says. */
const LOCAL = ['localhost', '127.0.0.1', '::1'];

/** The certificates of routes, from an authority that is made only when one is needed. */
export function createCertificateMaker(stateDir: string, clock: Pick<Clock, 'wall'>): CertificateMaker {
  let opening: Promise<Authority> | undefined;
  const authority = (): Promise<Authority> =>
    // Loaded when it is needed: most engines never make a certificate, and the library costs a tenth of a second.
    (opening ??= import('./host/certificates.ts').then(({ openAuthority }) => openAuthority(join(stateDir, 'ca'), () => clock.wall())));
  return {
    authority: async () => (await authority()).cert,
    material: async (route) => {
      if (route.terminateTls !== true && route.upstreamTls !== true) return undefined;
      const shown = route.terminateTls === true ? await certificates(await authority(), route) : undefined;
      const upstream = route.upstreamTls === true ? await upstreamOf(route) : undefined;
      return { ...(shown !== undefined && { shown }), ...(upstream !== undefined && { upstream }) };
    },
  };
}

/** The route with its files as another process finds them, wherever that was started. */
export function withFullPaths(route: Route): Route {
  const fields = ['upstreamCa', 'upstreamCertificate', 'upstreamKey'] as const;
  return { ...route, ...Object.fromEntries(fields.flatMap((field) => (route[field] === undefined ? [] : [[field, resolve(route[field])]]))) };
}

async function certificates(authority: Authority, route: Route): Promise<NonNullable<TlsMaterial['shown']>> {
  const names = [...new Set([...(route.certificateNames ?? []), ...LOCAL, hostname()])];
  const [sound, expired, not_yet_valid, wrong_name, unknown_issuer] = await Promise.all([
    authority.certify(names),
    authority.certify(names, 'expired'),
    authority.certify(names, 'not_yet_valid'),
    authority.certify(names, 'wrong_name'),
    authority.certify(names, 'unknown_issuer'),
  ]);
  return { sound, flawed: { expired, not_yet_valid, wrong_name, unknown_issuer } };
}

async function upstreamOf(route: Route): Promise<NonNullable<TlsMaterial['upstream']>> {
  const failed = (field: string, what: string, error: unknown): FirebreakError =>
    new FirebreakError('tls-file', `the route ${route.name}: ${field} cannot be ${what}: ${messageOf(error)}`, {
      hint: 'give the path of a PEM file that you may read; a relative one counts from where Firebreak was started',
      exitCode: EXIT.usage,
      cause: error,
    });
  const read = async (field: string, path: string | undefined): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      throw failed(field, 'read', error);
    }
  };
  // Tried here: a worker would meet it at the first connection, when nobody is there to be told.
  const tried = (field: string, use: () => unknown): void => {
    try {
      use();
    } catch (error) {
      throw failed(field, 'used', error);
    }
  };
  const [ca, cert, key] = await Promise.all([
    read('upstream_ca', route.upstreamCa),
    read('upstream_certificate', route.upstreamCertificate),
    read('upstream_key', route.upstreamKey),
  ]);
  if (ca !== undefined) tried('upstream_ca', () => new X509Certificate(ca));
  if (cert !== undefined) tried('upstream_certificate', () => createSecureContext({ cert }));
  if (cert !== undefined && key !== undefined) tried('upstream_key', () => createSecureContext({ cert, key }));
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(route.upstreamName !== undefined && { servername: route.upstreamName }),
  };
}
