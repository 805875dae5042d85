import { spawn } from 'node:child_process';
import { isIPv6 } from 'node:net';
import { type DnsOrder } from '../dns-order.ts';
import { DnsForward } from './dns-forward.ts';
import { DnsJudge } from './dns-judge.ts';
import { holdLifeline, report } from './lifeline.ts';

/**
 * Answers questions in place of the servers of a host. Started by host/dns-resolver.ts in the network namespace that it is
 * to serve; told its order in one line. Rules that lead to it belong to an nft that it starts: the kernel removes them with
 * that, and that ends with it, whatever it ends by. Asked to end, or without its starter, it first passes everything on.
 */

const TOLD_EVERY = 50;
/** Without rules, applications go on asking it until the file that names it has been put back: by then it has. */
const STAY = 60_000;
/** What nft says, and goes on, where terminals are not described (libedit, terminal.c); no terminal has to do with this. */
const NO_TERMINAL = /Cannot read termcap database;\n?|using dumb terminal settings\.\n?|No entry for terminal type .*\n?/g;
/** nft takes some milliseconds to end; a machine under load more. */
const NFT_WITHIN = 3_000;

let judge: DnsJudge | undefined;
let endRules: (() => Promise<void>) | undefined;
let ending = false;
/** Named in a file, which must be put back first. */
let named = false;

const begin = holdLifeline(
  (line) => {
    if (line.startsWith('{') && judge === undefined) serve(JSON.parse(line) as DnsOrder).catch((error: unknown) => report({ failed: error instanceof Error ? error.message : String(error) }));
  },
  () => void end(named ? STAY : 0),
);
process.on('SIGTERM', () => void end(0));

async function serve(order: DnsOrder): Promise<void> {
  judge = new DnsJudge(order.strike);
  const forward = new DnsForward(judge);
  const { listen, rules, servers, uid } = order;
  const ports: number[] = [];
  named = listen !== undefined;
  if (listen !== undefined) await forward.listen(listen, 53, servers);
  else for (const server of servers) ports.push(await forward.listen(isIPv6(server) ? '::1' : '127.0.0.1', 0, [server]));
  const nft = rules === undefined ? undefined : spawn('nft', ['-i'], { stdio: ['pipe', 'ignore', 'pipe'] });
  nft?.on('error', (error) => report({ failed: `nft: ${error.message}` }));
  nft?.stderr.setEncoding('utf8').on('data', (text: string) => {
    const why = text.replaceAll(NO_TERMINAL, '').trim();
    if (why !== '') report({ failed: `nft: ${why}` });
  });
  nft?.stdin.on('error', () => {}); // it has ended, and its stderr said why
  // From here on it needs no rights, and what it asks is known by the user who asks.
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
  nft?.stdin.write(`${(rules ?? '').replaceAll(/\{(\d+)\}/g, (_all, index: string) => String(ports[Number(index)]))}\n`);
  if (nft !== undefined) {
    endRules = () =>
      new Promise((resolve) => {
        setTimeout(resolve, NFT_WITHIN).unref();
        nft.once('exit', () => resolve()).stdin.end();
        if (nft.exitCode !== null) resolve();
      });
    nft.once('exit', () => void end(0));
  }
  begin();
  report({ ready: true });
  let told = '';
  setInterval(() => {
    const counts = JSON.stringify(judge?.counts);
    if (counts !== told) report({ counts: judge?.counts });
    told = counts;
  }, TOLD_EVERY);
}

async function end(stay: number): Promise<void> {
  judge?.cease();
  if (stay > 0) return void setTimeout(() => process.exit(0), stay);
  if (ending) return;
  ending = true;
  await endRules?.();
  process.exit(0);
}
