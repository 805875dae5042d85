import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { Peer, Upstream } from '../wire/parts.ts';
import { numbered, timed, within10 } from '../wire/toxics/parts.ts';
import { type Stage, stage } from './stage.ts';

export type Attributes = Readonly<Record<string, number>>;
export type Stream = 'upstream' | 'downstream';

/** How one client of the API drives the proxy `line`. It has one toxic at a time. */
export interface Driver {
  add(type: string, stream: Stream, attributes: Attributes): Promise<unknown>;
  update(attributes: Attributes): Promise<unknown>;
  remove(): Promise<unknown>;
  enable(enabled: boolean): Promise<unknown>;
}

interface Ends {
  readonly client: Peer;
  readonly server: Peer;
  /** Who sends the bytes that the toxic takes hold of, and who receives them. */
  readonly from: Peer;
  readonly to: Peer;
}

/** A proxy `line` that a client made, with both of its ends in the hands of a test. */
export class ProxiedLine implements AsyncDisposable {
  readonly at: Stage;
  readonly upstream: Upstream;
  listen = '';

  private constructor(at: Stage, upstream: Upstream) {
    this.at = at;
    this.upstream = upstream;
  }
  static async open(create: (line: ProxiedLine) => Promise<unknown>): Promise<ProxiedLine> {
    const line = new ProxiedLine(await stage(), await Upstream.start());
    await create(line);
    line.listen = ((await (await fetch(`${line.at.url}/proxies/line`)).json()) as { listen: string }).listen;
    return line;
  }
  async join(stream: Stream): Promise<Ends> {
    const client = await this.at.call(this.listen);
    const server = await this.upstream.next();
    return { client, server, ...(stream === 'upstream' ? { from: client, to: server } : { from: server, to: client }) };
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.at[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

/** Milliseconds until one byte has crossed. */
const cross = (from: Peer, to: Peer): Promise<number> => {
  const before = to.length;
  return timed(() => (from.write('x'), to.has(before + 1)));
};
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
const BULK = numbered(600_000);
/** The part of the bulk that is timed, from when the flow is steady. */
const STEADY = { from: 100_000, to: 500_000 };
const CALLERS = 40;

/** A toxic as it is asked for, and how it is measured in one direction. */
interface Row {
  readonly name: string;
  readonly type: string;
  readonly attributes: Attributes;
  measure(join: () => Promise<Ends>, driver: Driver): Promise<void>;
}

const ROWS: readonly Row[] = [
  {
    name: 'latency: the delay of a byte, and changed on the open connection',
    type: 'latency',
    attributes: { latency: 200, jitter: 0 },
    measure: async (join, driver) => {
      const { from, to } = await join();
      await within10(200, () => cross(from, to), 199);
      await driver.update({ latency: 100, jitter: 0 });
      await within10(100, () => cross(from, to), 99);
      let back = Infinity;
      for (let tries = 0; tries < 25 && back >= 99; tries++) back = await cross(to, from);
      assert.ok(back < 99, 'the other direction is free');
    },
  },
  {
    name: 'latency with jitter: the mean of the delays and their bounds',
    type: 'latency',
    attributes: { latency: 200, jitter: 100 },
    measure: async (join) => {
      const open: Ends[] = [];
      for (let i = 0; i < CALLERS; i++) open.push(await join());
      // 80 delays that are even between 100 and 300: their mean has a deviation of 3 %.
      await within10(200, async () => {
        const took = [];
        for (let round = 0; round < 2; round++)
          took.push(...(await Promise.all(open.map(({ from, to }) => cross(from, to)))));
        assert.ok(Math.min(...took) >= 99, `${Math.min(...took)}`);
        // They must lie far apart, too; where the machine has made all of them late, another try.
        const apart = Math.min(...took) < 150 && Math.max(...took) > 250;
        return apart ? took.reduce((sum, one) => sum + one, 0) / took.length : NaN;
      });
    },
  },
  {
    name: 'bandwidth: the rate, and no byte lost when it is removed',
    type: 'bandwidth',
    attributes: { rate: 1_000 },
    measure: async (join, driver) => {
      let last = await join();
      await within10(1_000, async () => {
        last = await join();
        last.from.write(BULK);
        await last.to.has(STEADY.from);
        const before = last.to.length;
        const ms = await timed(() => last.to.has(STEADY.to));
        return (last.to.length - before) / ms;
      });
      await driver.remove();
      await last.to.has(BULK.length);
      assert.ok(last.to.received.equals(BULK));
    },
  },
  {
    name: 'slow_close: how much later the end arrives',
    type: 'slow_close',
    attributes: { delay: 200 },
    measure: (join) =>
      within10(
        200,
        async () => {
          const { from, to } = await join();
          await cross(from, to);
          return timed(() => (from.socket.end(), to.over()));
        },
        199,
      ),
  },
  {
    name: 'timeout: when the connection ends, with nothing let through',
    type: 'timeout',
    attributes: { timeout: 200 },
    measure: (join) =>
      within10(
        200,
        async () => {
          let ends: Ends | undefined;
          // It counts from the beginning of the connection.
          const took = await timed(async () => {
            ends = await join();
            ends.from.write('x');
            await ends.client.over();
          });
          await ends?.server.over();
          assert.equal(ends?.to.length, 0);
          return took;
        },
        199,
      ),
  },
  {
    name: 'timeout 0: silent until it is removed, and then every byte goes on',
    type: 'timeout',
    attributes: { timeout: 0 },
    measure: async (join, driver) => {
      const { from, to } = await join();
      from.write('kept');
      for (let i = 0; i < 20; i++) await cross(to, from);
      assert.equal(to.length, 0);
      await driver.remove();
      await to.says('kept');
      from.write(' and on');
      await to.says('kept and on');
    },
  },
  {
    name: 'reset_peer: when both ends see a reset',
    type: 'reset_peer',
    attributes: { timeout: 200 },
    measure: (join) =>
      within10(
        200,
        async () => {
          const { client, server, from, to } = await join();
          const took = await timed(() => (from.write('x'), client.until(() => client.closed, 'the reset')));
          await server.until(() => server.closed, 'the reset');
          assert.deepEqual([client.error?.code, server.error?.code], ['ECONNRESET', 'ECONNRESET']);
          assert.equal(to.length, 0);
          return took;
        },
        199,
      ),
  },
  {
    name: 'slicer: the size of the pieces and the time between two',
    type: 'slicer',
    attributes: { average_size: 1_000, size_variation: 100, delay: 10_000 },
    measure: async (join) => {
      const { from, to } = await join();
      let reads: { size: number; at: number }[] = [];
      to.socket.on('data', ({ length }: Buffer) => reads.push({ size: length, at: performance.now() }));
      // A machine with other work reads some pieces late and two at once: the one in the middle is not among them.
      const sliced = async (): Promise<{ size: number; pause: number }> => {
        const before = to.length;
        reads = [];
        from.write(numbered(40_000));
        await to.has(before + 40_000);
        assert.ok(to.received.subarray(before).equals(numbered(40_000)));
        return {
          size: median(reads.map(({ size }) => size)),
          pause: median(reads.slice(1).map(({ at }, i) => at - (reads[i]?.at ?? 0))),
        };
      };
      await within10(1_000, async () => (await sliced()).size);
      await within10(10, async () => (await sliced()).pause);
    },
  },
  {
    name: 'limit_data: exactly so many bytes, then the end',
    type: 'limit_data',
    attributes: { bytes: 50_000 },
    measure: async (join) => {
      for (const size of [BULK.length, 777]) {
        const { client, server, from, to } = await join();
        await from.writePieces(BULK.subarray(0, 100_000), size);
        await to.over();
        assert.ok(to.received.equals(BULK.subarray(0, 50_000)), `${to.length} bytes`);
        await client.over();
        await server.over();
      }
    },
  },
];

/** Every toxic of Toxiproxy in both directions, and a proxy that is disabled: within 10 % of what was asked for. */
export function measuresEveryToxic(line: () => ProxiedLine, driver: () => Driver): void {
  afterEach(async () => void (await fetch(`${line().at.url}/reset`, { method: 'POST' })));
  for (const { name, type, attributes, measure } of ROWS) {
    for (const stream of ['upstream', 'downstream'] as const) {
      it(`${name}, ${stream}`, async () => {
        await driver().add(type, stream, attributes);
        const [shown] = (await (await fetch(`${line().at.url}/proxies/line/toxics`)).json()) as Record<
          string,
          unknown
        >[];
        assert.deepEqual([shown?.['type'], shown?.['stream'], shown?.['attributes']], [type, stream, attributes]);
        await measure(() => line().join(stream), driver());
      });
    }
  }
  it('disabled: who is in is put out, who calls is refused; enabled, everybody gets in', async () => {
    const { client, server } = await line().join('upstream');
    await cross(client, server);
    await driver().enable(false);
    await client.until(() => client.closed, 'the end');
    await server.until(() => server.closed, 'the end');
    for (let i = 0; i < 5; i++) await assert.rejects(Peer.to(line().listen), /ECONNREFUSED/);
    await driver().enable(true);
    const again = await line().join('upstream');
    await cross(again.client, again.server);
    await cross(again.server, again.client);
  });
}
