import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { faultRequest } from '../../../test/support/fault-life.ts';
import { TARGET_MARK } from '../../host/spawn.ts';
import { realClock } from '../../kernel/clock.ts';
import { dnsInjector } from './injector.ts';
import { dnsManifest, type DnsParams } from './manifest.ts';

test('the servers of a container are those that its own resolv.conf leads to', { skip: process.geteuid?.() !== 0 && 'namespaces are made by root', timeout: 60_000 }, async () => {
  // As systemd makes it: a link to the whole path of a file, which is another one here, or none.
  const prepare = 'mount -t tmpfs none /mnt && mount -t tmpfs none /etc && echo nameserver 192.0.2.53 > /mnt/resolv.conf && ln -s /mnt/resolv.conf /etc/resolv.conf && exec "$@"';
  const program = ['sh', '-c', 'read _', `${TARGET_MARK}asking`];
  const child = spawn('unshare', ['--mount', '--net', '--', 'sh', '-c', prepare, 'sh', ...program], { stdio: ['pipe', 'ignore', 'inherit'] });
  try {
    while (!readFileSync(`/proc/${child.pid}/cmdline`, 'utf8').startsWith(program.join('\0'))) await realClock.sleep(5);
    const injector = dnsInjector({ clock: realClock, can: () => ({ redirect: '', groups: '' }) });
    const [plan] = await injector.plan(faultRequest<DnsParams>(dnsManifest, {}, { target: `pid:${child.pid}` }), AbortSignal.timeout(30_000));
    assert.deepEqual([plan?.undo.servers, plan?.undo.scope], [['192.0.2.53'], { kind: 'all' }]);
  } finally {
    child.kill('SIGKILL');
  }
});
