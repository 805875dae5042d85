import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporary } from '../lifecycle/test-parts.ts';
import { nameServers, readConf, restoreConf, stateOfConf, textOf, writeConf } from './resolv-conf.ts';

test('which servers are asked', () => {
  assert.deepEqual(nameServers(''), ['127.0.0.1']);
  assert.deepEqual(nameServers('# nameserver 1.1.1.1\nnameserver 10.0.0.1 # first\n nameserver 10.0.0.9\nnameserver\tfd00::1\nnameserver 10.0.0.1\nnameserver 10.0.0.4\n'), ['10.0.0.1', 'fd00::1']);
  assert.deepEqual(nameServers('nameserver fe80::1%eth0\nnameserver ns.example.org\n'), []);
});

test('one server is named in place of the others, and the file comes back byte for byte, with its date', () => {
  for (const text of ['nameserver 10.0.0.1\nsearch example.org\noptions ndots:2\n', `# ${'long '.repeat(60)}\nnameserver 10.0.0.1\nnameserver 10.0.0.2`, '']) {
    using folder = temporary();
    const path = join(folder.path, 'resolv.conf');
    writeFileSync(path, text);
    utimesSync(path, 1_000_000, 1_000_000);
    const prior = readConf(path);
    const { ino } = statSync(path);
    writeConf(prior, 'token-token', '127.83.1.2');
    const ours = readFileSync(path, 'utf8');
    assert.deepEqual([nameServers(ours), stateOfConf(prior, 'token-token'), statSync(path).ino], [['127.83.1.2'], "Firebreak's", ino]);
    assert.equal(ours.includes('options ndots:2'), text.includes('options ndots:2'));
    assert.ok(ours.length >= text.length, 'no end of the old text stands for a moment');
    assert.equal(stateOfConf(prior, 'other-token'), 'changed by something else');
    for (let twice = 0; twice < 2; twice++) restoreConf(prior, 'token-token');
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mtimeMs, stateOfConf(prior, 'token-token')], [text, 1_000_000_000, 'as it was']);
  }
});

test('what something else has written is left alone, and what is no file is refused', () => {
  using folder = temporary();
  const path = join(folder.path, 'resolv.conf');
  writeFileSync(path, 'nameserver 10.0.0.1\n');
  const prior = readConf(path);
  writeConf(prior, 'token-token', '127.83.1.2');
  writeFileSync(path, 'nameserver 10.0.0.7\n');
  assert.throws(() => restoreConf(prior, 'token-token'), /left as it is/);
  assert.equal(readFileSync(path, 'utf8'), 'nameserver 10.0.0.7\n');
  assert.throws(() => readConf(folder.path), /cannot be read/);
  symlinkSync(join(folder.path, 'nowhere'), join(folder.path, 'link'));
  assert.throws(() => readConf(join(folder.path, 'link')), /cannot be read/);
});

test('what was cut short while it was put back is put back all the same', () => {
  using folder = temporary();
  const path = join(folder.path, 'resolv.conf');
  for (const text of ['nameserver 10.0.0.1\n', 'nameserver 10.0.0.1', '']) {
    writeFileSync(path, text);
    const prior = readConf(path);
    writeConf(prior, 'token-token', '127.83.1.2');
    // All was written, and nothing cut off yet.
    writeFileSync(path, text.padEnd(statSync(path).size, '\n'));
    assert.deepEqual([nameServers(readFileSync(path, 'utf8')), stateOfConf(prior, 'token-token')], [nameServers(text), "Firebreak's"]);
    restoreConf(prior, 'token-token');
    assert.equal(readFileSync(path, 'utf8'), text);
  }
});

test('what could not be put back whole is not taken, and nobody is kept waiting', { timeout: 30_000 }, () => {
  using folder = temporary();
  const [long, pipe] = [join(folder.path, 'long'), join(folder.path, 'pipe')];
  writeFileSync(long, `nameserver 10.0.0.1\n${'# long\n'.repeat(10_000)}`);
  assert.throws(() => readConf(long), /too long/);
  if (process.platform === 'win32') return;
  execFileSync('mkfifo', [pipe]);
  for (const read of [readConf, textOf]) assert.throws(() => read(pipe), /no plain file/);
});

test('a file that was made anew and says the same, as at a boot, is as it was', () => {
  using folder = temporary();
  const path = join(folder.path, 'resolv.conf');
  writeFileSync(path, 'nameserver 10.0.0.1\n');
  const prior = readConf(path);
  writeFileSync(join(folder.path, 'new'), 'nameserver 10.0.0.1\n');
  renameSync(join(folder.path, 'new'), path);
  assert.equal(stateOfConf(prior, 'token-token'), 'as it was');
  restoreConf(prior, 'token-token');
});
