import { makeWorld } from '../engine/faults/network/test-world.ts';
import { again } from './crash/again.ts';
import { type Scene } from './crash/scenes.ts';
import { startEvaluator } from './support/evaluator.ts';

/** Every effect on packets at the same time, each by its port, protocol, network and direction, and what traffic shows of it. */

/** Datagrams of each kind in one round. */
const SENT = 300;
/** How long a connection is waited for that may not come, in milliseconds. */
const CONNECTS_WITHIN = 700;
const [FOUR, SIX] = ['10.99.0.0/24', 'fd99::/64'];
const POLICIES = [
  `port: 5432, protocol: udp, cidr: "${FOUR}", duplication: 0.5`,
  `port: 9000, protocol: udp, cidr: "${FOUR}", latency: 60ms, jitter: 50ms, correlation: 0.2, loss: 0.3`,
  `port: 5432, protocol: udp, cidr: "${SIX}", latency: 60ms, reordering: 0.25`,
  `port: 9000, protocol: udp, cidr: "${SIX}", corruption: 0.5`,
  `port: 5432, protocol: tcp, cidr: "${FOUR}", partition: drop, direction: ingress`,
  `port: 9000, protocol: tcp, cidr: "${SIX}", partition: drop, direction: egress`,
  `port: 5432, protocol: tcp, cidr: "${SIX}", partition: reject`,
] as const;
/** What traffic shows of each of them; the last is nobody's. */
const STRUCK = [/^sent twice$/, /^lost, late$/, /^late$/, /damaged$/, /^not answered$/, /^not heard$/, /^ECONNREFUSED$/, /^$/] as const;

/** Sends numbered datagrams as test-peer does, by a process that is there already. */
const SEND = `async (host, port, count) => {
  const socket = (await load('node:dgram')).createSocket(host.includes(':') ? 'udp6' : 'udp4').on('error', () => {});
  for (let number = 0; number < count; number++) {
    const message = Buffer.alloc(200, 0x55);
    message.writeUInt32BE(number, 0);
    await new Promise((resolve) => socket.send(message, port, host, resolve));
    if (number % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  socket.close();
}`;
const CONNECT = `async (host, port, within) => {
  const socket = (await load('node:net')).connect(port, host);
  const said = await new Promise((resolve) => {
    socket.once('connect', () => resolve('')).once('error', ({ code }) => resolve(code));
    setTimeout(() => resolve('silence'), within);
  });
  socket.destroy();
  return said;
}`;

export async function packetsInEveryWay(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await makeWorld());
  const before = world.picture();
  const through = ['nsenter', `--net=/run/netns/${world.here}`, '--'];
  const sender = stack.use(await startEvaluator('sender', { through }));
  const caller = stack.use(await startEvaluator('caller', { through }));
  const arrives = async (host: string, port: number): Promise<string> => {
    await sender.evaluate(`(${SEND})('${host}', ${port}, ${SENT})`);
    const { datagrams, unique, late, damaged, overflow } = await world.received();
    // The kernel counts those with a wrong checksum beside those that find no room.
    const all = { 'sent twice': datagrams > unique, lost: unique + damaged + overflow < SENT, late: late > 0, damaged: damaged + overflow > 0 };
    return Object.entries(all).flatMap(([word, is]) => (is ? [word] : [])).join(', ');
  };
  const connects = async (host: string, port: number): Promise<string> => {
    const said = await caller.evaluate(`(${CONNECT})('${host}', ${port}, ${CONNECTS_WITHIN})`);
    if (said !== 'silence') return said;
    // Asked and not answered: what leaves has arrived there.
    return world.runThere('ss', '-tnH', 'state', 'syn-recv').includes(`:${port}`) ? 'not answered' : 'not heard';
  };
  const round = async (): Promise<readonly string[]> => {
    const said: string[] = [];
    // The far end counts all kinds together.
    for (const host of [world.four, world.six]) for (const port of [5432, 9000]) said.push(await arrives(host, port));
    return [...said, ...(await Promise.all([connects(world.four, 5432), connects(world.six, 9000), connects(world.six, 5432), connects(world.four, 9000)]))];
  };
  const traffic = stack.use(again(round));
  const shows = (expected: readonly RegExp[]): boolean => expected.every((one, index) => one.test(traffic.said()?.[index] ?? 'nothing yet'));
  const moved = stack.move();
  return {
    text: `version: 1\npolicies:\n${POLICIES.map((fields, index) => `  - { name: p${index}, type: network, target: "netns:${world.here}/${world.dev}", ${fields} }`).join('\n')}`,
    note: () => {},
    visible: async () => shows(STRUCK),
    intact: async () => shows(STRUCK.map(() => /^$/)) && world.picture() === before,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
