import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandName } from './command-name.ts';

test('a process is called by its script, its program or its role, never by an argument or a folder', () => {
  const called: readonly [string, string][] = [
    ['/usr/bin/wrk -H Authorization:secret http://x', 'wrk'],
    ['node /home/me/shop/orders.ts --token=secret', 'orders'],
    ['/opt/node24/bin/node --import /x/hook.mjs --inspect /srv/server.js', 'node server.js'],
    ['node -r ./hook.js load.mjs', 'load'],
    ['node -e secret.js', 'node'],
    ['node --eval=secret', 'node'],
    ['python3.11 -u /srv/billing.py secret.py', 'billing'],
    ['python3 -m http.server 8000', 'http.server'],
    ['java -Xmx1g -cp lib/a.jar com.acme.Secret', 'java'],
    ['java -jar /srv/payments.jar', 'payments'],
    ['deno run --allow-net gateway.ts', 'gateway'],
    ['bash -c curl\u00a0secret', 'bash'],
    ['node secret', 'node'],
    ['-bash', 'bash'],
    ['node shop.ts --firebreak-target=load', 'load'],
    ['/usr/sbin/postgres', 'postgres'],
    ['', ''],
  ];
  for (const [line, name] of called) assert.equal(commandName(line.split(' ')), name, line);
});

test('a title that a process gave itself is cut to its first word', () => {
  assert.equal(commandName(['nginx: worker process']), 'nginx');
  assert.equal(commandName(['postgres: app secret 10.0.0.1(4321) idle']), 'postgres');
  assert.equal(commandName(['/opt/app/server --password=secret']), 'server');
  assert.equal(commandName(['\u001b[31m']), '');
});
