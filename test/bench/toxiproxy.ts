import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MODULE = 'github.com/Shopify/toxiproxy/v2/cmd/server@latest';
/** A cold build fetches and compiles some twenty modules. */
const BUILD_TIMEOUT = 240_000;

/**
 * The server to compare with: `TOXIPROXY_BIN`, or one built by Go into a cache folder.
 * @returns its path, or why there is none.
 */
export async function findToxiproxy(
  say: (line: string) => void,
): Promise<{ readonly path: string } | { readonly missing: string }> {
  const given = process.env['TOXIPROXY_BIN'];
  if (given !== undefined && given !== '') {
    return existsSync(given) ? { path: given } : { missing: `TOXIPROXY_BIN is ${given}, and there is no such file` };
  }
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'firebreak', 'toxiproxy');
  const path = join(folder, process.platform === 'win32' ? 'server.exe' : 'server');
  if (existsSync(path)) return { path };
  try {
    await mkdir(folder, { recursive: true });
    say(`building Toxiproxy into ${folder}`);
    await promisify(execFile)('go', ['install', MODULE], {
      env: { ...process.env, GOBIN: folder },
      timeout: BUILD_TIMEOUT,
    });
    return { path };
  } catch (error) {
    const reason =
      error instanceof Error
        ? (error.message
            .split('\n')
            .filter((line) => line !== '')
            .at(-1) ?? '')
        : String(error);
    return { missing: `set TOXIPROXY_BIN to a Toxiproxy server, or install Go to have it built (${reason})` };
  }
}
