import { execFileSync, spawn } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

/**
 * Runs in a mount and a network namespace of its own: gives it an interface, a resolv.conf, and a real dnsmasq at the other
 * end of the wire, in a namespace of its own; says `up`. Ends with its stdin, and all of it with it. Arguments: the folder
 * of the stage, that of the server. Started by test-stage.ts.
 */
const [folder = '', names = ''] = process.argv.slice(2);
const run = (program: string, ...args: string[]): void => void execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
const netOf = (pid: number | 'self'): string => readlinkSync(`/proc/${pid}/ns/net`);

run('ip', 'link', 'set', 'lo', 'up');
// As strict as a distribution may be.
for (const which of ['all', 'default', 'lo']) writeFileSync(`/proc/sys/net/ipv4/conf/${which}/rp_filter`, '1');
run('mount', '--bind', join(folder, 'resolv.conf'), '/etc/resolv.conf');
run('mount', '--bind', join(folder, 'hosts'), '/etc/hosts');
const begin = [
  'read go', 'ip link set lo up', 'ip addr add 10.99.0.1/24 dev peer', 'ip addr add fd99::1/64 dev peer nodad', 'ip link set peer up',
  'exec setpriv --pdeathsig KILL dnsmasq -k --conf-file="$1/dnsmasq.conf"',
];
const server = spawn('unshare', ['--net', '--', 'sh', '-c', begin.join(' && '), 'sh', names], { stdio: ['pipe', 'ignore', 'inherit'] });
server.once('exit', () => process.exit(1));
while (netOf(server.pid ?? 0) === netOf('self')) await new Promise((resolve) => setTimeout(resolve, 5));
run('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'peer', 'netns', String(server.pid));
run('ip', 'addr', 'add', '10.99.0.2/24', 'dev', 'wire');
run('ip', 'addr', 'add', 'fd99::2/64', 'dev', 'wire', 'nodad');
run('ip', 'link', 'set', 'wire', 'up');
server.stdin.write('go\n');
const end = (): void => {
  server.removeAllListeners('exit').kill('SIGKILL');
  process.exit(0);
};
process.stdin.on('end', end).on('error', end).resume();
createServer((_request, response) => response.end('from the shop')).listen(80, '10.99.0.2', () => process.stdout.write('up\n'));
