// Bundles the preload script into dist/electron: in the sandbox it is one CommonJS file or nothing. Plain JavaScript for
// Node 20, because it runs before anything else.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const PRELOAD = join(root, 'dist', 'electron', 'preload.cjs');
const SOURCES = ['electron/preload.ts', 'electron/channels.ts', 'engine/contract/desktop.ts', 'electron/build.mjs'];

/** The value of a string constant of the contract, which the preload cannot import without zod. */
function constantOf(name) {
  const found = new RegExp(`export const ${name} = '([^']+)'`).exec(
    readFileSync(join(root, 'engine/contract/desktop.ts'), 'utf8'),
  );
  if (found === null) throw new Error(`engine/contract/desktop.ts has no string constant ${name}`);
  return found[1];
}

/**
 * Writes the bundle, unless it is there and made of the same sources.
 * @returns {Promise<{ built: boolean, file: string }>}
 */
export async function buildPreload() {
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(readFileSync(join(root, source)));
  const stamp = `// ${hash.digest('hex')}\n`;
  if (existsSync(PRELOAD) && readFileSync(PRELOAD, 'utf8').startsWith(stamp)) return { built: false, file: PRELOAD };
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [join(root, 'electron/preload.ts')],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'chrome128',
    external: ['electron'],
    define: {
      __ROOM_ORIGIN__: JSON.stringify(constantOf('ROOM_ORIGIN')),
      __PORT_MESSAGE__: JSON.stringify(constantOf('PORT_MESSAGE')),
    },
    logLevel: 'warning',
  });
  rmSync(PRELOAD, { force: true });
  mkdirSync(dirname(PRELOAD), { recursive: true });
  writeFileSync(PRELOAD, stamp + outputFiles[0].text);
  return { built: true, file: PRELOAD };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { built, file } = await buildPreload();
  console.log(`${relative(root, file)} ${built ? 'built' : 'is up to date'}`);
}
