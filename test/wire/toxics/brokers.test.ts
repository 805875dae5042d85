import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connectAsync, type MqttClient } from 'mqtt';
import { connect as connectNats, type NatsConnection, StringCodec } from 'nats';
import { createWire } from '../../../engine/wire/create.ts';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import type { Wire } from '../../../engine/wire/wire.ts';
import { startMosquitto } from '../../lab/mosquitto.ts';
import { startNats } from '../../lab/nats.ts';
import { type LabServer, missing } from '../../lab/server.ts';
import { timed, toxic, within10 } from './parts.ts';

/** Protocols that Firebreak does not understand, with the clients and servers that everybody uses: the bytes are enough. */
const text = StringCodec();
/** How long a toxic that cannot be seen to work at all is waited for, in milliseconds. */
const PATIENCE = 60_000;

async function routeTo(server: LabServer): Promise<{ wire: Wire; host: string; port: number }> {
  const wire = createWire();
  const [route] = await wire.open([{ name: 'broker', protocol: 'tcp', listen: '127.0.0.1:0', upstream: server.address }]);
  const [host = '', port = ''] = (route?.listen ?? '').split(':');
  return { wire, host, port: Number(port) };
}
async function during(wire: Wire, policy: WirePolicy, act: () => Promise<void>): Promise<void> {
  await wire.add(policy);
  try {
    await act();
  } finally {
    await wire.remove(policy.id);
  }
}
async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('NATS on a tcp route', { timeout: 300_000, skip: missing('nats-server'), concurrency: 1 }, () => {
  const stack = new AsyncDisposableStack();
  let wire: Wire;
  let nats: NatsConnection;
  let reconnects = 0;
  before(async () => {
    const at = await routeTo(stack.use(await startNats()));
    wire = stack.use(at.wire);
    nats = await connectNats({ servers: `${at.host}:${at.port}`, reconnectTimeWait: 20, maxReconnectAttempts: -1 });
    stack.defer(() => nats.close());
    void (async () => {
      for await (const { type } of nats.status()) if (type === 'reconnect') reconnects++;
    })();
    void (async () => {
      for await (const asked of nats.subscribe('echo')) asked.respond(asked.data);
    })();
  });
  after(() => stack.disposeAsync());
  const ask = async (what: string): Promise<void> => assert.equal(text.decode((await nats.request('echo', text.encode(what), { timeout: PATIENCE })).data), what);

  it('the server speaks first, and requests and answers pass', () => ask('hello'));
  it('latency is seen on a connection that is open already', async () => {
    // A request crosses to the service and its answer back: downstream twice.
    await during(wire, toxic({ kind: 'latency', latency: 60 }), () => within10(120, () => timed(() => ask('late')), 119));
    await ask('after');
    assert.equal(reconnects, 0);
  });
  it('a reset is seen as a reset, and the client comes back', async () => {
    await during(wire, toxic({ kind: 'reset_peer' }), async () => {
      nats.publish('nobody', text.encode('x'));
      await nats.flush().catch(() => {});
    });
    await until(() => reconnects > 0, 'a reconnect');
    await ask('back');
  });
});

describe('MQTT on a tcp route', { timeout: 300_000, skip: missing('mosquitto'), concurrency: 1 }, () => {
  const stack = new AsyncDisposableStack();
  let wire: Wire;
  let mqtt: MqttClient;
  const got: string[] = [];
  let closed = 0;
  before(async () => {
    const at = await routeTo(stack.use(await startMosquitto()));
    wire = stack.use(at.wire);
    mqtt = await connectAsync(`mqtt://${at.host}:${at.port}`, { reconnectPeriod: 20 });
    stack.defer(() => mqtt.endAsync(true));
    mqtt.on('message', (_topic, payload) => got.push(payload.toString()));
    mqtt.on('close', () => closed++);
    mqtt.on('error', () => {});
    await mqtt.subscribeAsync('echo', { qos: 1 });
  });
  after(() => stack.disposeAsync());
  /** QoS 1: the broker's acknowledgement comes back over the route. */
  const say = async (what: string): Promise<void> => {
    await mqtt.publishAsync('echo', what, { qos: 1 });
    await until(() => got.includes(what), what);
  };

  it('publications pass', () => say('hello'));
  it('latency is seen on a connection that is open already', async () => {
    let tries = 0;
    await during(wire, toxic({ kind: 'latency', latency: 100 }), () =>
      within10(100, () => timed(() => mqtt.publishAsync('echo', `late ${++tries}`, { qos: 1 })), 99));
    await say('after');
    assert.equal(closed, 0);
  });
  it('a reset is seen as a reset, and the client comes back', async () => {
    let cut: Promise<unknown> | undefined;
    await during(wire, toxic({ kind: 'reset_peer', stream: 'upstream' }), async () => {
      cut = mqtt.publishAsync('echo', 'cut', { qos: 1 });
      await until(() => closed > 0, 'the reset');
    });
    // A connection that has been reset counts as one for a moment, and a new one before its subscription is back: what is
    // published then reaches nobody.
    let tries = 0;
    await until(() => {
      if (mqtt.connected) mqtt.publish('echo', `back ${++tries}`, { qos: 1 });
      return got.some((text) => text.startsWith('back'));
    }, 'back');
    // QoS 1: what was not acknowledged is sent again, and acknowledged then.
    await cut;
  });
});
