import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { peerOf } from './peer.ts';

const skip = process.platform !== 'linux' && 'only Linux notes who connects';

test('the process at the other end of a Unix socket is known to the kernel', { skip, timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'peer-'));
  const path = join(folder, 'socket');
  const server = createServer();
  await once(server.listen(path), 'listening');
  const connected = once(server, 'connection') as Promise<[Socket]>;
  // An ordinary user where this one may become one.
  const uid = process.getuid?.() === 0 ? 65_534 : (process.getuid?.() ?? 0);
  chmodSync(folder, 0o755);
  chmodSync(path, 0o666);
  const child = spawn(process.execPath, ['-e', 'require("net").connect(process.argv[1])', path], { uid, stdio: 'ignore', cwd: '/' });
  try {
    const [socket] = await connected;
    const fd = (socket as unknown as { _handle: { fd: number } })._handle.fd;
    assert.deepEqual(peerOf(fd), { pid: child.pid, uid });
    socket.destroy();
  } finally {
    child.kill('SIGKILL');
    server.close();
    rmSync(folder, { recursive: true });
  }
  assert.equal(peerOf(-1), undefined);
});
