// `npm run package [-- --dir]`: packs Firebreak for this platform into dist/package. First the unpacked program, then each
// kind of installer whose tools are here or can be fetched. Exits with 0 when at least the program was packed, and names
// what was not; with 1 when nothing could be built.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies, root, runOnNode } from '../engine/cli/bootstrap.mjs';
import { electronRuntime } from '../engine/cli/window.mjs';
import { electronDist, electronVersion } from './find.mjs';

const OUTPUT = join(root, 'dist', 'package');

/** Installers by platform, as electron-builder.yml lists them. */
const INSTALLERS = { linux: ['AppImage', 'deb'], darwin: ['dmg', 'zip'], win32: ['nsis'] };
/** Where electron-builder puts the unpacked program. */
const UNPACKED = { linux: 'linux', darwin: 'mac', win32: 'win' };

/** One run of electron-builder. @returns why it failed; '' when it did not. */
async function run(options) {
  // Loaded only now: it takes a second.
  const { build } = await import('electron-builder');
  try {
    await build({ projectDir: root, publish: 'never', ...options });
    return '';
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0];
  }
}

/**
 * Packs the program, and the installers unless `dirOnly`.
 * @param {{ dist: string, dirOnly?: boolean, output?: string }} options `dist`: an unpacked Electron
 * @returns {Promise<{ unpacked: string | undefined, built: string[], missing: { what: string, why: string }[] }>}
 */
export async function pack({ dist, dirOnly = false, output = OUTPUT }) {
  const { Platform } = await import('electron-builder');
  const platform = { linux: Platform.LINUX, darwin: Platform.MAC, win32: Platform.WINDOWS }[process.platform];
  const config = { extends: join(root, 'electron-builder.yml'), electronDist: dist, directories: { output } };
  const problem = await run({ targets: platform.createTarget('dir'), config });
  if (problem !== '') return { unpacked: undefined, built: [], missing: [{ what: 'the program', why: problem }] };
  const folder = readdirSync(output).find(
    (name) => name.startsWith(UNPACKED[process.platform]) && existsSync(join(output, name)) && !name.includes('.'),
  );
  const unpacked = join(output, folder);
  const built = [];
  const missing = [];
  for (const what of dirOnly ? [] : INSTALLERS[process.platform]) {
    const why = await run({ targets: platform.createTarget(what), config, prepackaged: unpacked });
    if (why === '') built.push(what);
    else missing.push({ what, why });
  }
  return { unpacked, built, missing };
}

async function main(args) {
  ensureDependencies();
  // After the dependencies: both need the bundler.
  const [{ buildRoom }, { buildPreload }] = await Promise.all([import('../renderer/build.mjs'), import('./build.mjs')]);
  await buildRoom();
  await buildPreload();
  const { why } =
    electronDist() === undefined
      ? await electronRuntime({ root, node: process.execPath, again: true, show: console.log })
      : {};
  const dist = electronDist();
  if (dist === undefined) {
    console.error(
      `Not packed: Electron ${electronVersion()} for ${process.platform}-${process.arch} is not here: ${why}.`,
    );
    console.error(
      'Unpack electron-v…zip of its release page somewhere, name the folder in FIREBREAK_ELECTRON_DIST, and try again.',
    );
    return 1;
  }
  const { unpacked, built, missing } = await pack({ dist, dirOnly: args.includes('--dir') });
  if (unpacked !== undefined)
    console.log(`Packed: ${relative(root, unpacked)}${built.map((what) => `, ${what}`).join('')}`);
  for (const { what, why } of missing) console.error(`Not packed: ${what}: ${why}`);
  return unpacked === undefined ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (Number(process.versions.node.split('.')[0]) < 24)
    runOnNode([process.argv[1], ...process.argv.slice(2)], { cwd: root });
  else process.exitCode = await main(process.argv.slice(2));
}
