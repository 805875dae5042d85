import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Evaluator, startEvaluator } from '../../../test/support/evaluator.ts';
import { realClock } from '../../kernel/clock.ts';
import { missingPrograms } from '../../host/server-process.ts';
import { spawnNode } from '../../host/spawn.ts';
import { dnsCapabilities } from '../../host/dns-capabilities.ts';

/** Why the stage cannot be built here, or false. */
export const noStage: string | false =
  process.geteuid?.() !== 0 ? 'namespaces are made by root' : missingPrograms('dnsmasq', 'unshare', 'nsenter', 'ip', 'mount', 'setpriv', 'getent', 'curl') || dnsCapabilities()?.redirect || false;

/** A network of its own with a real name server, and programs in it. The machine's own resolver is never touched. */
export interface Stage extends AsyncDisposable {
  /** In the command line of everything that runs in it. */
  readonly word: string;
  readonly pid: number;
  /** Its resolv.conf, by a path of the machine. */
  readonly conf: string;
  /** Runs a program in it; what it printed, or `failed` with its exit code. */
  run(program: string, ...args: readonly string[]): Promise<string>;
  /** A process in it that lives on. */
  app(word?: string, through?: readonly string[]): Promise<Evaluator>;
}

/** The server, and the programs that ask it. */
const SERVER = { v4: '10.99.0.1', v6: 'fd99::1' } as const;
export const SHOP = { v4: '10.99.0.2', v6: 'fd99::2' } as const;
/** A text too long for one datagram, so that it is asked for again over TCP. */
export const LONG_TEXT = 'x'.repeat(200);

const CONF = `no-resolv
no-hosts
user=root
pid-file
bind-interfaces
listen-address=${SERVER.v4}
listen-address=${SERVER.v6}
local=/test/
address=/shop.test/${SHOP.v4}
address=/shop.test/${SHOP.v6}
address=/bank.test/${SHOP.v4}
${Array.from({ length: 12 }, (_, index) => `txt-record=long.test,${index}${LONG_TEXT}`).join('\n')}
`;

export async function startStage(servers: readonly string[] = [SERVER.v4]): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-dns-'));
  const word = basename(folder);
  const conf = join(folder, 'resolv.conf');
  writeFileSync(conf, `${servers.map((server) => `nameserver ${server}\n`).join('')}options attempts:2\n`);
  writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n');
  // Under another name: the server is no part of the stage.
  const names = mkdtempSync(join(tmpdir(), 'firebreak-names-'));
  writeFileSync(join(names, 'dnsmasq.conf'), CONF);
  const child = spawnNode(join(import.meta.dirname, 'test-stage-child.ts'), [folder, names], {
    role: 'stage', target: true, stdio: ['pipe', 'pipe', 'inherit'], through: ['unshare', '--mount', '--net', '--'],
  });
  const pid = child.pid ?? 0;
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the stage ended with ${code}`)));
  });
  const inside = ['nsenter', '-t', String(pid), '-m', '-n', '--'] as const;
  const run = (program: string, ...args: readonly string[]): Promise<string> =>
    new Promise((resolve) => {
      const [file, ...rest] = [...inside, program, ...args];
      execFile(file, rest, { encoding: 'utf8', timeout: 60_000 }, (error, stdout) => resolve(error === null ? stdout.trim() : `failed ${error.code}`));
    });
  for (const end = realClock.now() + 30_000; (await run('getent', 'hosts', 'bank.test')).startsWith('failed'); ) {
    if (realClock.now() > end) throw new Error('the name server of the stage does not answer');
  }
  return {
    word,
    pid,
    conf,
    run,
    app: (own = '', through = []) => startEvaluator(`${word}${own}`, { through: [...inside, ...through] }),
    [Symbol.asyncDispose]: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.stdin?.end();
      await gone;
      for (const path of [folder, names]) rmSync(path, { recursive: true, force: true });
    },
  };
}
