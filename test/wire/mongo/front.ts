import { deserialize, type Document, ObjectId, serialize } from 'bson';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { FLAG, HEADER, message, OP, packed, reply, unpacked } from './messages.ts';

/**
 * Stands before FerretDB and adds what that lacks of a real server, so that the driver uses it: OP_COMPRESSED, the
 * streaming hello, silence after writes that want no answer, and the statements of transactions (each takes effect at once).
 */

/** How often a streaming hello says that nothing has changed, in milliseconds. */
const BEAT = 20;
const EXHAUST_ALLOWED = 0x1_0000;
/** Numbers keep their types, so that they can be written again. */
const AS_IT_IS = { promoteLongs: false, promoteValues: false };

/** What a test may look at: each command as it arrived. */
export interface Seen {
  readonly name: string;
  readonly command: Document;
  readonly compressed: boolean;
}
export interface Front extends AsyncDisposable {
  readonly address: string;
  readonly seen: Seen[];
  /** Answers given within streams of hello. */
  beats: number;
}

/** Whole messages of one direction, as they come. */
function eachMessage(socket: Socket, take: (bytes: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= HEADER && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      take(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  });
}

/** The same OP_MSG with another command in it; its sequences stay. */
function withCommand(bytes: Buffer, command: Document): Buffer {
  const start = HEADER + 5;
  const result = Buffer.concat([bytes.subarray(0, start), serialize(command), bytes.subarray(start + bytes.readInt32LE(start))]);
  result.writeInt32LE(result.length, 0);
  // FerretDB answers whatever it is asked; here silence is kept for it.
  result.writeInt32LE(0, HEADER);
  return result;
}

export async function startFront(upstream: string): Promise<Front> {
  const sockets = new Set<Socket>();
  const seen: Seen[] = [];
  const server = createServer({ noDelay: true }, (client) => {
    const [host = '', port = ''] = upstream.split(':');
    const behind = connect({ host, port: Number(port), noDelay: true });
    const answers: ((document: Document) => void)[] = [];
    let beating: NodeJS.Timeout | undefined;
    for (const [socket, other] of [[client, behind], [behind, client]] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        clearInterval(beating);
        other.destroy();
      });
    }
    eachMessage(behind, (bytes) => answers.shift()?.(deserialize(bytes.subarray(HEADER + (bytes.readInt32LE(12) === OP.msg ? 5 : 20)), AS_IT_IS)));
    eachMessage(client, (raw) => {
      if (raw.readInt32LE(12) === OP.query) {
        // The first hello of a connection, as OP_QUERY: its document stands behind the name of the collection and two numbers.
        const asked = deserialize(raw.subarray(raw.indexOf(0, HEADER + 4) + 9));
        answers.push((document) => client.write(reply(hello(document, asked), raw.readInt32LE(4))));
        behind.write(raw);
        return;
      }
      const { bytes, by } = unpacked(raw);
      const id = bytes.readInt32LE(4);
      const flags = bytes.readInt32LE(HEADER);
      const command = deserialize(bytes.subarray(HEADER + 5, HEADER + 5 + bytes.readInt32LE(HEADER + 5)), AS_IT_IS);
      const name = Object.keys(command)[0] ?? '';
      seen.push({ name, command, compressed: by !== undefined });
      const answer = (document: Document, more = 0, to = id, own = 0): void => {
        if ((flags & FLAG.moreToCome) !== 0) return;
        const written = message(document, { id: own, to, flags: more });
        client.write(by === undefined ? written : packed(written, by));
      };
      if (name === 'commitTransaction' || name === 'abortTransaction') return answer({ ok: 1 });
      const { autocommit: _a, startTransaction: _s, maxAwaitTimeMS, topologyVersion, ...rest } = command;
      answers.push((document) => {
        if (name !== 'hello' && name !== 'ismaster') return answer(document);
        const told = hello(document, command);
        if (topologyVersion === undefined || (flags & EXHAUST_ALLOWED) === 0 || maxAwaitTimeMS === undefined) return answer(told);
        // One answer leads to the next, until the client goes.
        let own = 1;
        answer(told, FLAG.moreToCome, id, own);
        beating = setInterval(() => {
          front.beats++;
          answer(told, FLAG.moreToCome, own, ++own);
        }, BEAT);
      });
      behind.write(withCommand(bytes, rest));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const front: Front = {
    address: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, seen, beats: 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return front;
}

const PROCESS = new ObjectId('6b016be579926b24d95ecc4c');
function hello(document: Document, { compression }: Document): Document {
  const wanted = Array.isArray(compression) ? compression.map(String) : [];
  return { ...document, compression: wanted, topologyVersion: { processId: PROCESS, counter: 0n } };
}
