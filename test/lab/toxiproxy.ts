import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Toxiproxy's own programs, as install-toxiproxy.sh leaves them. */
const FOLDER = join(process.env['FIREBREAK_LAB'] ?? join(homedir(), '.cache', 'firebreak-lab'), 'toxiproxy-v2.5.0');
export const TOXIPROXY = { cli: join(FOLDER, 'cli'), server: join(FOLDER, 'server') };

/** For `skip` of a test: why it cannot run here, or false. */
export const noToxiproxy = existsSync(TOXIPROXY.cli)
  ? false
  : 'Toxiproxy is not installed: run test/lab/install-toxiproxy.sh';
