// Bundles the control room into dist/room. Plain JavaScript for Node 20, because it runs before anything else.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const ROOM = join(root, 'dist', 'room');
const STAMP = '.sources';

/** What the bundle is made of; a change in any of it makes a new one. */
const SOURCES = ['renderer', 'engine/contract', 'engine/kernel', 'engine/faults', 'package-lock.json'];

/** zod brings its messages in fifty languages, a quarter of a megabyte; the room speaks one. */
const ONE_LANGUAGE = {
  name: 'one-language',
  setup: (build) =>
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js';",
      resolveDir: dirname(path),
    })),
};

/**
 * Writes index.html and its hashed assets to `outdir`, unless they are there and made of the same sources.
 * @returns {Promise<{ built: boolean, outdir: string }>}
 */
export async function buildRoom({ outdir = ROOM, minify = true } = {}) {
  const sources = hashOf(minify);
  const stamp = join(outdir, STAMP);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return { built: false, outdir };
  // Loaded only now: a second start needs none of it.
  const { build, stop } = await import('esbuild');
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const { metafile } = await build({
    entryPoints: [join(root, 'renderer/main.tsx')],
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'chrome128',
    minify,
    sourcemap: minify ? false : 'inline',
    metafile: true,
    entryNames: '[name]-[hash]',
    chunkNames: 'chunk-[hash]',
    assetNames: '[name]-[hash]',
    loader: { '.woff2': 'file', '.svg': 'dataurl', '.png': 'file' },
    define: {
      'process.env.NODE_ENV': JSON.stringify(minify ? 'production' : 'development'),
      // What puts a style element into the page (react-remove-scroll) takes its nonce from here.
      __webpack_nonce__: 'globalThis.firebreakNonce',
    },
    jsx: 'automatic',
    plugins: [ONE_LANGUAGE],
    logLevel: 'warning',
    // zod compiles its checks with `new Function`, which the page's security policy forbids; told before any schema is made.
    banner: { js: '(globalThis.__zod_globalConfig??={}).jitless=true;' },
  });
  // Its helper process would live as long as ours.
  await stop();
  const entry = Object.entries(metafile.outputs).find(
    ([, { entryPoint }]) => entryPoint !== undefined && entryPoint.endsWith('renderer/main.tsx'),
  );
  if (entry === undefined) throw new Error('the bundle has no entry');
  // esbuild does not load the style sheets of lazy parts by itself; they are small, so the page names them all.
  const styles = Object.keys(metafile.outputs)
    .filter((path) => path.endsWith('.css'))
    .map((path) => `<link rel="stylesheet" href="./${basename(path)}" />`);
  const page = readFileSync(join(root, 'renderer/index.html'), 'utf8')
    .replace('__SCRIPT__', basename(entry[0]))
    .replace('<!-- styles -->', styles.join('\n    '));
  writeFileSync(join(outdir, 'index.html'), page);
  writeFileSync(stamp, sources);
  return { built: true, outdir };
}

function hashOf(minify) {
  const hash = createHash('sha256').update(String(minify));
  for (const source of SOURCES.map((name) => join(root, name)))
    for (const file of filesOf(source)) hash.update(relative(root, file)).update(readFileSync(file));
  return hash.digest('hex');
}
function filesOf(path) {
  if (/\.[a-z]+$/.test(basename(path))) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { built, outdir } = await buildRoom({ minify: !process.argv.includes('--dev') });
  console.log(`${relative(root, outdir)} ${built ? 'built' : 'is up to date'}`);
}
