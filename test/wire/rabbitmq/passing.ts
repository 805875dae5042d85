import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { connect, type Message } from 'amqplib';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import { freePort } from '../../lab/server.ts';
import { Peer, wireTo } from '../parts.ts';
import { record } from '../record.ts';
import { PIECES, replay } from '../replay.ts';
import { Inbox, numbers, publishAll, type RabbitStage, textOf } from './stage.ts';

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** What no fault is aimed at passes to the byte, and what is not understood passes as well. */
export function passing(stage: () => RabbitStage): void {
  /** Everything that a client usually does, once. */
  const everything = async (address: string, large: Buffer): Promise<void> => {
    const client = await connect(`amqp://guest:guest@${address}?heartbeat=1`);
    const channel = await client.createConfirmChannel();
    const { queue } = await channel.assertQueue('');
    const inbox = new Inbox((message) => channel.ack(message));
    const { consumerTag } = await channel.consume('', inbox.take);
    await channel.prefetch(3);
    await publishAll(channel, queue, ['', ...numbers(20)], { headers: { a: 'text', n: 7, deep: { list: [1, true] } } });
    channel.sendToQueue(queue, large, { messageId: 'large' });
    await inbox.has(22);
    assert.equal(digest(inbox.messages[21]?.content as Buffer), digest(large));
    await channel.cancel(consumerTag);
    const other = await client.createChannel();
    const returned = new Promise<Message>((resolve) => other.once('return', resolve));
    other.publish('', 'nobody', Buffer.from('back'), { mandatory: true });
    assert.equal(textOf(await returned), 'back');
    assert.equal(await other.get(queue), false);
    await publishAll(channel, queue, ['one', 'two']);
    const got = await other.get(queue);
    assert.equal(textOf(got), 'one');
    if (got !== false) other.nack(got, false, true);
    await other.recover();
    assert.equal((await channel.purgeQueue(queue)).messageCount, 2);
    await channel.deleteQueue(queue);
    await client.close();
  };
  const LARGE = randomBytes(400_000);

  it('everything that a client does goes as it does without the route, with a policy that aims elsewhere, too', async () => {
    await everything(stage().address, LARGE);
    const [requests, faults] = [stage().route.requests, stage().route.faults];
    const elsewhere = await stage().add({ target: 'elsewhere', errorChance: 1, extra: { effect: 'ack' } });
    await everything(stage().address, LARGE);
    assert.equal(stage().counters(elsewhere).matched, 0);
    assert.equal(stage().route.faults, faults);
    // 25 published and 23 delivered or got; what comes back to its publisher is neither.
    assert.equal(stage().route.requests - requests, 48);
    assert.equal(stage().route.notUnderstood, 0);
  });

  it('a recorded conversation comes out as it went in, in pieces of any size', async () => {
    await using recorder = await record(stage().server.port);
    await everything(`127.0.0.1:${recorder.port}`, LARGE.subarray(0, 3_000));
    const [turns] = recorder.conversations;
    assert.ok(turns !== undefined && turns.length > 20);
    for (const piece of PIECES) await replay('rabbitmq', turns, piece);
  });

  it('a transaction is never cut: neither an error nor a loss, though a delay', async () => {
    const client = await stage().client();
    const channel = await client.createChannel();
    const queue = stage().queue();
    await channel.assertQueue(queue);
    const losing = await stage().add({ target: queue, errorChance: 1, extra: { effect: 'ack' } });
    const cutting = await stage().add({ target: queue, dropConnection: true });
    const slow = await stage().add({ target: queue, latencyChance: 1, latencyMs: 5 });
    // amqplib has no transactions: they are written past it, on its own channel (AMQP 0-9-1, class tx).
    const raw = channel as unknown as { rpc(method: number, fields: object, expect: number): Promise<unknown> };
    const tx = (method: number): number => (90 << 16) | method;
    await raw.rpc(tx(10), {}, tx(11));
    for (const body of numbers(3)) channel.sendToQueue(queue, Buffer.from(body));
    await raw.rpc(tx(20), {}, tx(21));
    assert.deepEqual([stage().counters(losing).errors, stage().counters(cutting).drops, stage().counters(slow).latencies], [0, 0, 3]);
    for (const { id } of [losing, cutting]) await stage().wire.remove(id);
    assert.deepEqual(await stage().left(queue), numbers(3));
  });

  it('what is no AMQP 0-9-1 passes, and is said not to be understood', async () => {
    const before = stage().route.notUnderstood;
    await stage().add({ target: 'all', errorChance: 1 });
    // The broker resets the connection right behind its answer, and a reset may overtake what is before it: asked again.
    let [answer, asked] = ['', 0];
    for (; answer === '' && asked < 1_000; asked++) {
      using old = await Peer.to(stage().address);
      old.write('AMQP\0\x01\0\0');
      await old.over();
      answer = old.received.toString('latin1');
    }
    assert.equal(answer, 'AMQP\0\0\x09\x01', 'the answer of the broker itself');
    const tls = connectTls({ host: '127.0.0.1', port: Number(stage().address.split(':')[1]), rejectUnauthorized: false });
    await new Promise((resolve) => tls.once('error', resolve));
    assert.equal(stage().route.notUnderstood - before, asked + 1);
  });

  it('a broker that is not there is a reset', async () => {
    const { wire, address } = await wireTo(`127.0.0.1:${await freePort()}`, { protocol: 'rabbitmq' });
    await using _ = wire;
    await assert.rejects(connect(`amqp://${address}`), { code: 'ECONNRESET' });
  });

  it('the traffic names what is sent where, and shows no body, no header value and no password', async () => {
    const lines: TrafficLine[] = [];
    using _ = stage().wire.listen(true, (batch) => void lines.push(...batch.lines));
    const queue = stage().queue();
    const client = await connect(`amqp://guest:guest@${stage().address}`);
    const channel = await client.createConfirmChannel();
    await channel.assertQueue(queue);
    const lost = await stage().add({ target: queue, errorChance: 1, everyNth: 2, extra: { effect: 'ack' } });
    const headers = { 'x-card': 'hidden value', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    await publishAll(channel, queue, ['hidden body', 'hidden body'], { headers, correlationId: 'request-7' });
    await channel.get(queue, { noAck: true });
    await client.close();
    const found = (): TrafficLine | undefined => lines.find(({ action }) => action === 'error');
    while (found() === undefined) await new Promise((resolve) => setImmediate(resolve));
    const { method, target, traceId, requestId, head, policy } = found() as TrafficLine;
    assert.deepEqual([method, target, traceId, requestId, policy], ['publish', queue, '0af7651916cd43dd8448eb211c80319c', 'request-7', lost.name]);
    assert.equal(head, `exchange: (default)\nrouting key: ${queue}\nheaders: x-card, traceparent\nbody: 11 bytes`);
    assert.doesNotMatch(JSON.stringify(lines), /hidden|guest/);
  });
}
