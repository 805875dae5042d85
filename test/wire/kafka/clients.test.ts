import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { apiOf } from '../../../engine/wire/kafka/apis.ts';
import { answerFrame, refusal } from '../../../engine/wire/kafka/refusals.ts';
import type { Struct } from '../../../engine/wire/kafka/schema.ts';
import { javaClient, kafkaMissing } from '../../lab/kafka.ts';
import { freePort } from '../../lab/server.ts';
import { policy, wireTo } from '../parts.ts';
import { PIECES, replay, type Turn } from '../replay.ts';
import { clientOf, kcat, readAll, Stage, until } from './stage.ts';

describe('clients of Kafka on a route', { skip: kafkaMissing('kcat'), timeout: 300_000 }, () => {
  let stage: Stage;
  let outside = 0;
  before(async () => {
    outside = await freePort();
    stage = await Stage.start({ outside: { port: outside, advertised: 'kafka.invalid:9092', user: 'app', password: SECRET } });
  });
  after(() => stage[Symbol.asyncDispose]());
  afterEach(() => stage.clear());

  it('stay on it, whatever the broker calls itself, and log in', async () => {
    const topic = await stage.topic('c.stay');
    const { wire, address, errors } = await wireTo(`127.0.0.1:${outside}`, { protocol: 'kafka' });
    await using _ = wire;
    const lines: string[] = [];
    using __ = wire.listen(true, (batch) => void lines.push(...batch.lines.map((line) => JSON.stringify(line))));
    const sasl = ['security.protocol=SASL_PLAINTEXT', 'sasl.mechanisms=PLAIN', 'sasl.username=app', `sasl.password=${SECRET}`].flatMap((one) => ['-X', one]);
    assert.match((await kcat(['-b', `127.0.0.1:${outside}`, '-L', ...sasl])).stdout, /at kafka\.invalid:9092/, 'past the route, they would be led astray');
    assert.match((await kcat(['-b', address, '-L', ...sasl])).stdout, new RegExp(`broker 1 at ${address} `));
    assert.equal((await kcat(['-b', address, '-P', '-t', topic, ...sasl], 'a\n')).code, 0);
    assert.deepEqual(await readAll(address, topic, ...sasl), ['0:a']);
    const admin = clientOf(address, { sasl: { mechanism: 'plain', username: 'app', password: SECRET } }).admin();
    await admin.connect();
    assert.deepEqual((await admin.describeCluster()).brokers, [{ nodeId: 1, host: '127.0.0.1', port: Number(address.split(':')[1]) }]);
    await stage.groups(topic);
    assert.equal((await admin.fetchOffsets({ groupId: 'g', topics: [topic] }))[0]?.partitions[0]?.offset, '-1');
    await admin.disconnect();
    assert.deepEqual(errors, []);
    assert.equal(wire.routeCounters()[0]?.notUnderstood, 0);
    await until(() => lines.some((line) => line.includes('"method":"FindCoordinator"') || line.includes('"method":"Metadata"')), 'the traffic to be told');
    assert.equal(lines.some((line) => line.includes(SECRET)), false, 'a password is told to nobody');
  });

  it("Kafka's own client, with transactions, fetch sessions and topics by id, misses what is left out and nothing else", { skip: kafkaMissing('javac') }, async () => {
    const [whole, lossy] = [await stage.topic('c.whole'), await stage.topic('c.lossy')];
    const fault = await stage.add({ scope: 'record', target: lossy, errorChance: 1, everyNth: 3 });
    const told = await javaClient(['talk', stage.address, '300', whole, lossy]);
    const lines = Array.from({ length: 300 }, (_, i) => `${i}:v${i}`);
    assert.deepEqual(told.trim().split('\n'), [...lines, 'assigned 1', ...lines.filter((_, i) => i % 3 !== 2), 'assigned 1']);
    assert.ok((stage.wire.counters(fault.id)?.errors ?? 0) >= 100);
    assert.equal(stage.wire.routeCounters()[0]?.notUnderstood, 0);
  });

  it("Kafka's own classes read every refusal, in every version that is understood", { skip: kafkaMissing('javac') }, async () => {
    const lines: string[] = [];
    const expected: string[] = [];
    // Those that are judged.
    for (const key of [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 22]) {
      const api = apiOf(key);
      // What the broker's own jars know ends where that release did.
      for (let version = 0; version <= Math.min(api.newest, NEWEST[key] ?? 99); version++) {
        const answer = failing(api.name, version, 41);
        lines.push(`${key} ${version} ${answerFrame(api, version, 77, answer).toString('hex')}`);
        expected.push(`${key} ${version}`);
      }
    }
    const told = (await javaClient(['parse'], lines.join('\n'))).trim().split('\n');
    assert.deepEqual(told.map((line) => line.split(' ').slice(0, 2).join(' ')), expected);
    for (const line of told) assert.match(line, / true \{(0=\d+, )?41=\d+\}$/);
  });

  for (const piece of PIECES) {
    it(`are passed on byte for byte in pieces of ${piece}, but for the address of the broker`, async () => {
      recorded ??= await record(stage);
      for (const turns of recorded) await replay('kafka', turns, piece, (bytes, from, route) => (from === 'upstream' ? moved(bytes, stage.direct, route) : bytes));
    });
  }

  it('go on after HALT, when a policy goes, and when the engine dies they come back', async () => {
    const topic = await stage.topic('c.on');
    const { wire, address } = await wireTo(stage.direct, { protocol: 'kafka' });
    const producer = clientOf(address, { retry: { retries: 0 } }).producer();
    await producer.connect();
    const send = (): Promise<unknown> => producer.send({ topic, messages: [{ value: 'v' }] });
    await send();
    const one = policy({ protocol: 'kafka', target: topic, errorChance: 1, when: "kafka.api == 'Produce'" });
    await wire.add(one);
    await assert.rejects(send());
    wire.halt();
    await send();
    wire.resume();
    await assert.rejects(send());
    await wire.remove(one.id);
    await send();
    await wire[Symbol.asyncDispose]();
    await assert.rejects(send(), 'the route is gone');
    const again = await wireTo(stage.direct, { protocol: 'kafka' });
    const other = clientOf(again.address).producer();
    await other.connect();
    await other.send({ topic, messages: [{ value: 'v' }] });
    await Promise.all([producer.disconnect(), other.disconnect(), again.wire[Symbol.asyncDispose]()]);
    assert.equal((await readAll(stage.direct, topic)).length, 4);
  });
});

const SECRET = 'zwiebelkuchen';

/** The newest version of an API in the release of the lab, where that is below what is understood. */
const NEWEST: Readonly<Record<number, number>> = { 0: 11, 1: 17, 2: 9, 3: 12, 8: 9, 9: 9 };

/** An answer in which one part fails, as the session would make it. */
function failing(name: string, version: number, code: number): Struct {
  const topics = [{ topic: 't', topicId: Buffer.alloc(16, 1), partitions: [{ partition: 3, errorCode: code, errorMessage: 'why' }] }];
  if (name === 'Metadata') return { topics: [{ topic: 't', errorCode: code }] };
  if (name === 'OffsetFetch' && version >= 8) return { groups: [{ group: 'g', topics }] };
  if (name === 'FindCoordinator' && version >= 4) return { brokers: [{ key: 'k', errorCode: code }] };
  return ['Produce', 'Fetch', 'ListOffsets', 'OffsetCommit', 'OffsetFetch'].includes(name) ? { topics } : refusal(apiOf(CODES[name] ?? 0), code, 'why');
}
const CODES: Readonly<Record<string, number>> = { FindCoordinator: 10, JoinGroup: 11, Heartbeat: 12, LeaveGroup: 13, SyncGroup: 14, InitProducerId: 22 };

let recorded: readonly (readonly Turn[])[] | undefined;

/** What kafkajs and librdkafka say to the broker, and its answers, one conversation a connection. */
async function record(stage: Stage): Promise<Turn[][]> {
  const topic = await stage.topic('c.record');
  const conversations: Turn[][] = [];
  const sockets: Socket[] = [];
  const [host = '', port = ''] = stage.direct.split(':');
  await using stack = new AsyncDisposableStack();
  const tape = createServer((client) => {
    const turns: Turn[] = [];
    conversations.push(turns);
    const broker = connect({ host, port: Number(port) });
    sockets.push(client, broker);
    for (const [socket, other, from] of [[client, broker, 'client'], [broker, client, 'upstream']] as const) {
      socket.on('error', () => {}).on('close', () => other.destroy());
      // A turn is a whole message: what a route must have whole is passed on with its last byte.
      let rest = Buffer.alloc(0);
      socket.on('data', (bytes: Buffer) => {
        other.write(bytes);
        rest = Buffer.concat([rest, bytes]);
        while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
          turns.push({ from, bytes: Buffer.from(rest.subarray(0, 4 + rest.readInt32BE(0))) });
          rest = rest.subarray(4 + rest.readInt32BE(0));
        }
      });
    }
  }).listen(0, '127.0.0.1');
  stack.defer(() => void tape.close());
  await once(tape, 'listening');
  // Through a route, so that the clients come back to the tape: brokers lead them to where they are known.
  const { wire, address } = await wireTo(`127.0.0.1:${(tape.address() as AddressInfo).port}`, { protocol: 'kafka' });
  stack.use(wire);
  await kcat(['-b', address, '-P', '-t', topic, '-z', 'snappy'], 'a\nb\n');
  await readAll(address, topic);
  const producer = clientOf(address, { retry: { retries: 5 } }).producer({ idempotent: true });
  await producer.connect();
  await producer.send({ topic, messages: [{ key: 'k', value: 'v', headers: { a: 'b' } }] });
  await producer.disconnect();
  await until(() => sockets.every(({ destroyed }) => destroyed), 'the end of the conversations');
  return conversations.filter((turns) => turns.some(({ from }) => from === 'upstream'));
}

/** The same bytes with the broker's address as the route shows it: the port behind the same host. */
function moved(bytes: Buffer, broker: string, route: string): Buffer {
  const text = (address: string): string => {
    const [host = '', port = ''] = address.split(':');
    return Buffer.concat([Buffer.from(host), Buffer.from(Number(port).toString(16).padStart(8, '0'), 'hex')]).toString('latin1');
  };
  return Buffer.from(bytes.toString('latin1').replaceAll(text(broker), text(route)), 'latin1');
}
