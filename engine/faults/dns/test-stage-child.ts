import { execFileSync, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { join } from 'node:path';

/**
 * Runs in a mount and a network namespace of its own: gives it addresses, a resolv.conf and a real dnsmasq, and says `up`.
 * Ends with its stdin, and all of it with it. Arguments: a folder, the addresses of the server. Started by test-stage.ts.
 */
const [folder = '', ...servers] = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const run = (program: string, ...args: string[]): void => void execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
run('ip', 'link', 'set', 'lo', 'up');
for (const server of servers) run('ip', 'addr', 'add', server, 'dev', 'lo', ...(server.includes(':') ? ['nodad'] : []));
run('mount', '--bind', join(folder, 'resolv.conf'), '/etc/resolv.conf');
run('mount', '--bind', join(folder, 'hosts'), '/etc/hosts');
const dnsmasq = spawn(
  'setpriv',
  ['--pdeathsig', 'KILL', 'dnsmasq', '-k', `--conf-file=${join(folder, 'dnsmasq.conf')}`],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
dnsmasq.once('exit', () => process.exit(1));
const end = (): void => {
  dnsmasq.removeAllListeners('exit').kill('SIGKILL');
  process.exit(0);
};
process.stdin.on('end', end).on('error', end).resume();
createServer((_request, response) => response.end('from the shop')).listen(80, servers[0], () => process.stdout.write('up\n'));
