import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { errnoOf } from '../kernel/errors.ts';
import { securityHeaders } from './headers.ts';

/** Where `npm start` puts the build of the room. */
export const ROOM_FOLDER = fileURLToPath(new URL('../../dist/room/', import.meta.url));
/** Stands in index.html where the nonce of the answer belongs. */
const NONCE_MARK = '__NONCE__';

export interface PageAnswer {
  readonly status: 200 | 503;
  /** Security headers included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
export interface PageRequest {
  /** The request's Accept-Encoding; absent: the body comes as it is. */
  readonly encodings?: string | undefined;
  /** Where the page may connect to; see `securityHeaders`. */
  readonly connect: readonly string[];
}
/** The built room: a list of files read from one folder, and nothing else of the disk. */
export interface RoomPage {
  /** The answer to a path such as `/` or `/room-4HTN5ZQK.js`; undefined for any that is not a file of the build. */
  answer(path: string, request: PageRequest): Promise<PageAnswer | undefined>;
}

/**
 * Serves a build folder. Its files are read once, when the page is first asked for: a build under a running engine
 * changes nothing until the next start. A folder without index.html is looked at again with each request.
 */
export function openPage(folder: string = ROOM_FOLDER): RoomPage {
  let files: ReadonlyMap<string, Asset> | undefined;
  return {
    answer: async (path, { encodings = '', connect }) => {
      files ??= readBuild(folder);
      const page = path === '/' || path === '/index.html';
      if (files === undefined) return page ? missing() : undefined;
      const asset = files.get(page ? '/index.html' : path);
      if (asset === undefined) return undefined;
      return page ? indexPage(asset, connect) : asset.answer(encodings);
    },
  };
}

/** 128 random bits: what CSP level 3 (8.1) asks of a nonce. */
const newNonce = (): string => randomBytes(16).toString('base64');

function indexPage({ bytes }: Asset, connect: readonly string[]): PageAnswer {
  const nonce = newNonce();
  return {
    status: 200,
    headers: { ...securityHeaders({ nonce, connect }), 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
    body: Buffer.from(bytes.toString('utf8').replaceAll(NONCE_MARK, nonce)),
  };
}
const missing = (): PageAnswer => ({
  status: 503,
  headers: { ...securityHeaders(), 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  body: Buffer.from('The room’s page has not been built.\nRun `npm start`, or `node renderer/build.mjs`, and load this page again.\n'),
});

/** What a build may hold; anything else in the folder is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
};
/** Formats that are compressed already gain nothing. */
const PACKED = new Set(['.woff2', '.png']);
/** Smaller than a packet: compressing saves no time. */
const WORTH_PACKING = 1_024;
/** Names that need no decoding, so that a path is a file's or it is not. */
const PLAIN_NAME = /^\/[\w.@-]+(\/[\w.@-]+)*$/;
/** As esbuild writes `[hash]`: eight of base 32. */
const HASHED = /-[A-Z0-9]{8}\.\w+$/;

const packers = {
  // Of the room's 1.2 MB, quality 9 makes 328 kB in 0.26 s; 11 would make 305 kB in 2.4 s, and somebody waits.
  br: (bytes: Buffer) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  gzip: (bytes: Buffer) => promisify(gzip)(bytes, { level: 9 }),
} as const;

class Asset {
  readonly bytes: Buffer;
  readonly #headers: Record<string, string>;
  readonly #packs: boolean;
  readonly #packed = new Map<string, Promise<Buffer>>();

  constructor(path: string, bytes: Buffer) {
    const ending = extname(path);
    this.bytes = bytes;
    this.#packs = !PACKED.has(ending) && bytes.length >= WORTH_PACKING;
    this.#headers = {
      ...securityHeaders(),
      'content-type': TYPES[ending] ?? 'application/octet-stream',
      'cache-control': HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-store',
      ...(this.#packs && { vary: 'accept-encoding' }),
    };
  }
  async answer(encodings: string): Promise<PageAnswer> {
    const encoding = this.#packs ? preferred(encodings) : undefined;
    if (encoding === undefined) return { status: 200, headers: this.#headers, body: this.bytes };
    const packing = this.#packed.get(encoding) ?? packers[encoding](this.bytes);
    this.#packed.set(encoding, packing);
    return { status: 200, headers: { ...this.#headers, 'content-encoding': encoding }, body: await packing };
  }
}

/** The best encoding that Accept-Encoding names and does not weigh with 0. */
function preferred(header: string): keyof typeof packers | undefined {
  const taken = header.toLowerCase().split(',').map((one) => one.trim()).filter((one) => !/;\s*q=0(\.0*)?$/.test(one));
  return (['br', 'gzip'] as const).find((name) => taken.some((one) => one.split(';')[0]?.trim() === name));
}

/** The files of a build by their paths; undefined when there is none. */
function readBuild(folder: string): ReadonlyMap<string, Asset> | undefined {
  const files = new Map<string, Asset>();
  try {
    for (const path of filesBelow(folder)) {
      const served = TYPES[extname(path)] !== undefined && PLAIN_NAME.test(path) && !path.includes('/.');
      if (served) files.set(path, new Asset(path, readFileSync(join(folder, path))));
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw error;
  }
  return files.has('/index.html') ? files : undefined;
}

/** Links are not followed, as Node's own `recursive` does: they may lead anywhere. */
function* filesBelow(folder: string, at = ''): Generator<string> {
  for (const entry of readdirSync(folder + at, { withFileTypes: true })) {
    const path = `${at}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(folder, path);
    else if (entry.isFile()) yield path;
  }
}
