import assert from 'node:assert/strict';
import { closeSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporary } from '../lifecycle/test-parts.ts';
import { openFolder, withoutLinks } from './path-inside.ts';

const skip = process.platform !== 'linux' && 'only Linux has /proc';

test('links are followed within the root that a path is in, and no further', { skip }, () => {
  using folder = temporary();
  const at = (...names: string[]): string => join(folder.path, ...names);
  mkdirSync(at('a', 'b'), { recursive: true });
  symlinkSync('a', at('near'));
  symlinkSync('/etc', at('far'));
  symlinkSync('../../../../../../../..', at('up'));
  symlinkSync('loop', at('loop'));
  assert.equal(withoutLinks(at('near', 'b', 'file')), at('a', 'b', 'file'));
  assert.equal(withoutLinks(at('far', 'file')), '/etc/file');
  assert.equal(withoutLinks(at('up', 'tmp', '..', 'x')), '/x');
  assert.equal(withoutLinks(at('nowhere', 'x')), at('nowhere', 'x'));
  assert.throws(() => withoutLinks(at('loop', 'x')), { code: 'too-many-links' });
  const root = `/proc/${process.pid}/root`;
  assert.equal(withoutLinks(`${root}${at('far', 'file')}`), `${root}/etc/file`, 'a link of a container begins at its own root');
  assert.equal(withoutLinks(`${root}${at('up', 'x')}`), `${root}/x`);
});

test('a folder is opened by no link', { skip }, () => {
  using folder = temporary();
  mkdirSync(join(folder.path, 'a', 'b'), { recursive: true });
  writeFileSync(join(folder.path, 'a', 'b', 'kept'), '');
  symlinkSync('a', join(folder.path, 'link'));
  for (const root of ['', `/proc/${process.pid}/root`]) {
    const fd = openFolder(`${root}${folder.path}/a/b`);
    assert.deepEqual(readdirSync(`/proc/self/fd/${fd}`), ['kept']);
    closeSync(fd);
    for (const path of ['link/b', 'link', 'a/b/kept']) assert.throws(() => openFolder(`${root}${folder.path}/${path}`), /ELOOP|ENOTDIR/, path);
    assert.throws(() => openFolder(`${root}${folder.path}/nowhere`), /ENOENT/);
  }
});
