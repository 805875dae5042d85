import assert from 'node:assert/strict';
import { type ServerHttp2Stream } from 'node:http2';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { H2CClient } from 'undici';
import { H2Server } from '../http2/parts.ts';
import { again, assertCut, failureOf, type Place, type Scene, soon } from './parts.ts';

/** A request that is held, an upload and an answer that have begun and not ended, all on one connection without TLS. */
export async function http2Scene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const begun: ServerHttp2Stream[] = [];
  const uploaded: string[] = [];
  const server = stack.use(
    await H2Server.start((stream, headers) => {
      const path = headers[':path'];
      if (path === '/endless') {
        begun.push(stream);
        stream.respond({ ':status': 200 });
        return void stream.write('the first half');
      }
      if (path === '/upload') begun.push(stream);
      let body = '';
      let cut = false;
      stream.on('aborted', () => (cut = true));
      stream.setEncoding('utf8').on('data', (part: string) => (body += part));
      stream.on('end', () => {
        if (cut) return;
        if (path === '/upload') uploaded.push(body);
        stream.respond({ ':status': 200 });
        stream.end(`${path} ${body}`);
      });
    }),
  );
  let client: H2CClient;
  let broken: Promise<Error>[];
  const ask = async (path: string, body?: Readable): Promise<{ status: number; text: string }> => {
    const answer = await client.request({ path, method: body === undefined ? 'GET' : 'POST', ...(body && { body }) });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
  const moved = stack.move();
  return {
    route: `protocol: http, upstream: "${server.address}"`,
    policies: {
      outage: 'type: http, target: /charge, error_chance: 1, error_code: 503, error_body: injected',
      held: 'type: http, target: /held, latency_chance: 1, latency_duration: 10m',
    },
    struck: async ({ address }: Place) => {
      client = new H2CClient(`http://${address}`);
      moved.defer(() => client.destroy());
      assert.deepEqual(await ask('/charge'), { status: 503, text: 'injected' });
      const { body } = await client.request({ path: '/endless', method: 'GET' });
      const half = new Readable({ read: () => {} });
      half.on('error', () => {});
      half.push('5 apples');
      broken = [failureOf(text(body)), failureOf(ask('/upload', half)), failureOf(ask('/held'))];
      await soon('both have begun', () => begun.length === 2);
    },
    goesOn: async () => {
      for (const failure of await Promise.all(broken)) assertCut(failure);
      await soon('the server has heard of it', () => begun.every(({ closed }) => closed));
      assert.deepEqual(uploaded, [], 'half of an upload is none');
      assert.equal(server.asked.some((asked) => /held|charge/.test(asked)), false, 'what was held or refused has not come to the server');
      assert.deepEqual(await again('the route passes again', () => ask('/charge')), { status: 200, text: '/charge ' });
      assert.deepEqual(await ask('/held'), { status: 200, text: '/held ' });
      assert.deepEqual(await ask('/upload', Readable.from(['5 apples, ', '2 pears'])), { status: 200, text: '/upload 5 apples, 2 pears' });
      assert.deepEqual(uploaded, ['5 apples, 2 pears']);
    },
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
