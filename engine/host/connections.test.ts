import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type ChildProcess } from 'node:child_process';
import { describe, it } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { createConnections, type Sighting } from './connections.ts';
import { type Place } from './places.ts';
import { spawnNode } from './spawn.ts';

/** This file is also what runs in the children: services and callers that are processes of their own. */
async function child(role: string, address: string): Promise<void> {
  const [host = '', port = ''] = address.split('|');
  const tell = (news: unknown): void => void process.stdout.write(`${JSON.stringify(news)}\n`);
  process.stdin.resume().on('end', () => process.exit());
  if (role === 'listen') {
    const server = createServer(() => {});
    server.listen({ host, port: Number(port) }, () => tell(server.address()));
  }
  if (role === 'call') connect({ host, port: Number(port) }, () => tell('connected')).on('error', () => {});
  if (role === 'look') {
    process.setuid?.(65_534);
    tell((await createConnections(realClock).look([{ host, port: Number(port) }], [])).limits);
  }
}

interface Started extends AsyncDisposable {
  readonly pid: number;
  readonly news: unknown;
}
async function start(role: string, host: string, port = 0, name = role): Promise<Started> {
  const process: ChildProcess = spawnNode(import.meta.filename, ['--child', role, `${host}|${port}`], { role: name, target: true });
  const exited = once(process, 'exit');
  const { stdout } = process;
  assert.ok(stdout !== null);
  const [line] = (await once(createInterface({ input: stdout }), 'line')) as [string];
  const end = async (): Promise<void> => {
    process.stdin?.destroy();
    await exited;
  };
  return { pid: process.pid ?? 0, news: JSON.parse(line), [Symbol.asyncDispose]: end };
}
const portOf = ({ news }: Started): number => (news as { port: number }).port;
const nameOf = ({ programs }: Sighting, pid: number | undefined): string | undefined => programs.get(pid ?? 0)?.name;

const at = process.argv.indexOf('--child');
if (at > 0) await child(process.argv[at + 1] ?? '', process.argv[at + 2] ?? '');
else describe('connections', { timeout: 300_000, ...(process.platform === 'linux' ? {} : { skip: 'only Linux has /proc' }) }, () => {
  const look = (listen: Place, services: readonly Place[] = []) => createConnections(realClock).look([listen], services);

  for (const [bound, asked] of [['127.0.0.1', '127.0.0.1'], ['::1', '::1'], ['::', '127.0.0.1'], ['::', 'localhost'], ['0.0.0.0', '127.0.0.1']] as const) {
    it(`tells who is connected to ${bound} by way of ${asked}, and who listens`, async () => {
      await using service = await start('listen', bound, 0, 'shop');
      const port = portOf(service);
      await using caller = await start('call', asked, port, 'customer');
      const sighting = await look({ host: bound, port }, [{ host: asked, port }]);
      assert.deepEqual(sighting.callers.map((one) => one.map(({ local, pids }) => [local, pids])), [[[true, [caller.pid]]]]);
      assert.deepEqual([nameOf(sighting, caller.pid), nameOf(sighting, service.pid)], ['customer', 'shop']);
      assert.deepEqual(sighting.services, [{ up: true, pids: [service.pid] }]);
      assert.equal(sighting.limits, '');
    });
  }

  it('sees callers come and go, and a service end and start again', async () => {
    const connections = createConnections(realClock);
    let service = await start('listen', '127.0.0.1');
    const place = { host: '127.0.0.1', port: portOf(service) };
    const pids = async (): Promise<number[][]> => {
      const { callers, services } = await connections.look([place], [place]);
      return [[...(services[0]?.pids ?? [])], (callers[0] ?? []).flatMap((caller) => caller.pids)];
    };
    assert.deepEqual(await pids(), [[service.pid], []]);
    {
      await using one = await start('call', place.host, place.port);
      await using two = await start('call', place.host, place.port);
      const [, found] = await pids();
      assert.deepEqual(found?.toSorted(), [one.pid, two.pid].toSorted());
    }
    assert.deepEqual(await pids(), [[service.pid], []]);
    await service[Symbol.asyncDispose]();
    const gone = await connections.look([], [place]);
    assert.deepEqual(gone.services, [{ up: false, pids: [] }]);
    service = await start('listen', place.host, place.port);
    assert.deepEqual(await pids(), [[service.pid], []]);
    await service[Symbol.asyncDispose]();
  });

  it('names this process for its own connections, and tells nothing of a host it does not know', async () => {
    await using service = await start('listen', '127.0.0.1');
    const port = portOf(service);
    const socket: Socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const elsewhere = [{ host: '192.0.2.1', port }, { host: 'no-such-host.invalid', port }];
    const { callers, services } = await look({ host: '', port }, elsewhere);
    assert.deepEqual(callers[0]?.map((caller) => [caller.port, caller.pids]), [[socket.localPort, [process.pid]]]);
    assert.deepEqual(services, [{ up: null, pids: [] }, { up: null, pids: [] }]);
    socket.destroy();
  });

  it('says why when it may not look into other processes', { skip: process.getuid?.() === 0 ? false : 'needs root to become somebody else' }, async () => {
    await using service = await start('listen', '127.0.0.1');
    await using _caller = await start('call', '127.0.0.1', portOf(service));
    await using nobody = await start('look', '127.0.0.1', portOf(service));
    assert.equal(nobody.news, 'some callers belong to other users: as root, Firebreak could tell who they are');
  });
});
