import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { randomBytes, webcrypto } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { makeDirectory } from '../kernel/directory.ts';
import { DAY } from '../kernel/fields.ts';

/** A certificate with its chain, and its private key, as PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}
/** What can be wrong with a certificate that a server shows. */
export const FLAWS = ['expired', 'not_yet_valid', 'wrong_name', 'unknown_issuer'] as const;
export type Flaw = (typeof FLAWS)[number];

/** A certificate authority of this machine: made once, kept in the state directory, its key readable by its owner alone. */
export interface Authority {
  /** Its own certificate as PEM: what clients are told to trust. */
  readonly cert: string;
  /** A server certificate for these names (DNS names or addresses), for 90 days; or one with a flaw. */
  certify(names: readonly string[], flaw?: Flaw): Promise<KeyPair>;
}

/** ECDSA on P-256: what every TLS 1.2 and 1.3 client takes (RFC 8446, 9.1), and cheap to make. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const AUTHORITY_DAYS = 3_650;
const SERVER_DAYS = 90;

/** Opens the authority kept in `folder`, or makes one there. Throws when the folder cannot be written or holds rubbish. */
export async function openAuthority(folder: string, now: () => number): Promise<Authority> {
  const [certFile, keyFile] = [join(folder, 'firebreak-ca.pem'), join(folder, 'firebreak-ca.key')];
  let pair: KeyPair;
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    pair = { cert, key };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    makeDirectory(folder);
    pair = await makeAuthority(now());
    // The key first: a certificate without its key would look complete at the next start.
    await writeWhole(keyFile, pair.key);
    await writeWhole(certFile, pair.cert);
  }
  const issuer = await read(pair);
  return { cert: pair.cert, certify: (names, flaw) => certify(issuer, names, flaw, now()) };
}

interface Issuer {
  readonly cert: x509.X509Certificate;
  readonly pem: string;
  readonly key: webcrypto.CryptoKey;
}

async function makeAuthority(now: number): Promise<KeyPair> {
  const keys = await newKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial(),
      name: `CN=Firebreak local authority ${serial().slice(0, 8)}, O=Firebreak`,
      notBefore: new Date(now - DAY),
      notAfter: new Date(now + AUTHORITY_DAYS * DAY),
      signingAlgorithm: ALGORITHM,
      keys: keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return { cert: cert.toString('pem'), key: await keyPem(keys.privateKey) };
}

async function certify(authority: Issuer, names: readonly string[], flaw: Flaw | undefined, now: number): Promise<KeyPair> {
  const issuer = flaw === 'unknown_issuer' ? await read(await makeAuthority(now)) : authority;
  // A name that belongs to nobody (RFC 6761, 6.4), so that it is wrong for everybody.
  const named = flaw === 'wrong_name' ? ['wrong-name.invalid'] : names;
  const [from, to] = {
    expired: [now - SERVER_DAYS * DAY, now - DAY],
    not_yet_valid: [now + DAY, now + SERVER_DAYS * DAY],
    valid: [now - DAY, now + SERVER_DAYS * DAY],
  }[flaw === 'expired' || flaw === 'not_yet_valid' ? flaw : 'valid'] as [number, number];
  const keys = await newKeys();
  const cert = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: `CN=${named[0] ?? 'localhost'}`,
      issuer: issuer.cert.subject,
      notBefore: new Date(from),
      notAfter: new Date(to),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: issuer.key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(named.map((name) => ({ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }))),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.cert.publicKey),
      ],
    },
    webcrypto,
  );
  return { cert: `${cert.toString('pem')}\n${issuer.pem}`, key: await keyPem(keys.privateKey) };
}

async function read({ cert, key }: KeyPair): Promise<Issuer> {
  const der = x509.PemConverter.decodeFirst(key);
  return {
    cert: new x509.X509Certificate(cert),
    pem: cert,
    key: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']),
  };
}
const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
const keyPem = async (key: webcrypto.CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
/** 64 random bits and more (CA/Browser Forum Baseline Requirements, 7.1), positive. */
const serial = (): string => `01${randomBytes(15).toString('hex')}`;

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}
