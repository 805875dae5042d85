import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnNode } from '../../host/spawn.ts';

/** A program of the tests' own that does what it is told, and says what the kernel answered: `ok`, or the error. */
export interface App extends AsyncDisposable {
  readonly pid: number;
  /** In its command line and in no other. */
  readonly word: string;
  /**
   * `connect PORT [times]`, `bind PORT`, `read FILE [times]`, `write FILE [times]`; `keep FILE`, after which the file `kept` is that
   * one, open already; `wait FILE` (milliseconds that a read took). One answer for each time.
   */
  does(what: string): Promise<readonly string[]>;
}

const SOURCE = `
import { connect, createServer } from 'node:net';
import { openSync, readSync, writeSync, closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
const settled = (emitter, good) => new Promise((resolve) => {
  emitter.once('error', (error) => resolve(error.code)).once(good, () => resolve('ok'));
  setTimeout(() => resolve('silence'), 3000).unref();
});
const acts = {
  connect: async (port) => { const socket = connect(Number(port), '127.0.0.1').on('error', () => {}); const said = await settled(socket, 'connect'); socket.destroy(); return said; },
  bind: async (port) => { const server = createServer().listen(Number(port), '127.0.0.1'); const said = await settled(server, 'listening'); if (said === 'ok') server.close(); return said; },
  read: (file) => withFile(file, 'r', (fd) => void readSync(fd, Buffer.alloc(8))),
  write: (file) => withFile(file, 'a', (fd) => void writeSync(fd, 'x')),
  keep: (file) => { kept = openSync(file, 'r+'); return 'ok'; },
  wait: (file) => withFile(file, 'r', (fd) => { const begun = performance.now(); readSync(fd, Buffer.alloc(8)); return String(performance.now() - begun); }),
};
let kept;
function withFile(file, flags, act) {
  let fd = file === 'kept' ? kept : undefined;
  try { fd ??= openSync(file, flags); return act(fd) ?? 'ok'; } catch (error) { return error.code; } finally { if (fd !== undefined && fd !== kept) closeSync(fd); }
}
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, what, times = '1'] = line.split(' ');
  const said = [];
  for (let i = 0; i < Number(times); i++) said.push(await acts[verb](what));
  console.log(JSON.stringify(said));
}
`;

export async function startApp(): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-app-'));
  const word = `app-${randomBytes(6).toString('hex')}`;
  const script = join(folder, `${word}.mjs`);
  writeFileSync(script, SOURCE);
  const child = spawnNode(script, [], { role: 'app', target: true, stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('no pipes');
  const answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const does = async (what: string): Promise<readonly string[]> => {
    stdin.write(`${what}\n`);
    const { value, done } = await answers.next();
    if (done === true) throw new Error(`the program ended while it did: ${what}`);
    return JSON.parse(String(value)) as string[];
  };
  await does('read /dev/null');
  return {
    pid: child.pid as number,
    word,
    does,
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
