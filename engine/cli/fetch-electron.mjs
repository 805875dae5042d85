// Fetches the runtime of the `electron` package in the folder given, as the package itself would, and tells how far it
// is: a number of percent a line, then `unpacking`. Runs on Node 24, which the package asks for.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = process.argv[2] ?? '';
const require = createRequire(join(folder, 'install.js'));
let told = 0;

try {
  const { downloadArtifact } = await import(pathToFileURL(require.resolve('@electron/get')).href);
  await downloadArtifact({
    version: require('./package.json').version,
    artifactName: 'electron',
    checksums: require('./checksums.json'),
    cacheRoot: process.env.electron_config_cache,
    platform: process.platform,
    arch: process.arch,
    downloadOptions: {
      quiet: true,
      getProgressCallback: async ({ percent }) => {
        if (Date.now() - told < 500) return;
        told = Date.now();
        console.log(Math.floor(percent * 100));
      },
    },
  });
} catch (error) {
  console.error(error.cause?.code ?? error.cause?.message ?? error.message);
  process.exit(1);
}
console.log('unpacking');
// Finds the download in its cache, unpacks it and writes down where it is.
require('./install.js');
