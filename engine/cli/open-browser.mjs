// Opens the user's browser on the address that `firebreak serve` prints. Plain JavaScript for Node 20.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ADDRESS = /^Firebreak room: (\S+)$/m;

/** Passes the output on, and opens the first address in it. A browser that cannot be opened is told, and no harm done. */
export function openBrowser(output) {
  let head = '';
  let found = false;
  output.on('data', (bytes) => {
    process.stdout.write(bytes);
    if (found) return;
    head += bytes;
    const address = ADDRESS.exec(head)?.[1];
    if (address === undefined) return;
    found = true;
    open(address);
  });
}

/**
 * By way of a file that only its owner can read: the arguments of a program can be read by everybody on the machine,
 * and the address holds the secret.
 */
function open(address) {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-open-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'room.html');
  const page = `<!doctype html><meta charset="utf-8"><title>Firebreak</title><meta http-equiv="refresh" content="0;url=${address}"><a href="${address}">Open the room</a>\n`;
  writeFileSync(file, page, { mode: 0o600 });
  const [program, ...args] = { darwin: ['open'], win32: ['rundll32', 'url.dll,FileProtocolHandler'] }[process.platform] ?? ['xdg-open'];
  const failed = (why) => console.error(`No browser could be opened (${why}); open the address above.`);
  const child = spawn(program, [...args, pathToFileURL(file).href], { stdio: 'ignore', detached: true });
  child.on('error', (error) => failed(error.code ?? error.message));
  child.on('exit', (code) => code !== 0 && failed(`${program} ended with ${code}`));
  child.unref();
}
