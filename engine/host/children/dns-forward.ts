import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { connect, createServer, isIPv6, type Server } from 'node:net';
import { framed, Frames } from '../dns-message.ts';
import { type DnsJudge, type Verdict } from './dns-judge.ts';

const PORT = 53;
/** Applications have given up by then; resolv.conf(5) allows up to 30 s. Milliseconds. */
const UPSTREAM_WITHIN = 30_000;
/** More questions under way than this are not taken on: those who asked will ask again. */
const MOST = 4_096;

/** Asks the servers of a host in its place: what no verdict strikes goes there and back as it is, byte for byte. */
export class DnsForward {
  readonly #judge: DnsJudge;
  #underWay = 0;

  constructor(judge: DnsJudge) {
    this.#judge = judge;
  }

  /** Listens for questions meant for the first of these servers that answers. @returns the port, the same for UDP and TCP. */
  async listen(address: string, port: number, servers: readonly string[]): Promise<number> {
    const tcp = createServer({ allowHalfOpen: false }, (client) => {
      const frames = new Frames();
      const who = `tcp ${client.remoteAddress ?? ''} ${client.remotePort ?? 0}`;
      client.on('error', () => client.destroy());
      client.setTimeout(UPSTREAM_WITHIN, () => client.destroy());
      const say = (message: Buffer): void => void (client.destroyed || client.write(framed(message)));
      client.on('data', (bytes) => {
        for (const query of frames.push(bytes)) this.#act(this.#judge.judge(query, who), say, () => this.#askByStream(query, servers, say));
      });
    });
    await listening(tcp, address, port);
    const at = tcp.address();
    const chosen = typeof at === 'object' && at !== null ? at.port : port;
    const udp = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' });
    udp.on('message', (query, from) => {
      const say = (message: Buffer): void => udp.send(message, from.port, from.address, () => {});
      this.#act(this.#judge.judge(query, whoIs(from)), say, () => this.#askByDatagram(query, servers, say));
    });
    await new Promise<void>((resolve, reject) => udp.once('error', reject).bind(chosen, address, resolve));
    udp.on('error', () => {}); // an answer that could not be sent: who asked is gone
    return chosen;
  }

  #act(verdict: Verdict, say: (message: Buffer) => void, pass: () => void): void {
    switch (verdict.kind) {
      case 'pass':
        return pass();
      case 'answer':
        return say(verdict.message);
      case 'drop':
        return;
      case 'delay':
        setTimeout(() => (verdict.done(), pass()), verdict.ms);
    }
  }

  /** A socket of its own for each question, so that its port is as hard to guess as that of the one who asked. */
  #askByDatagram(query: Buffer, [server, ...others]: readonly string[], say: (message: Buffer) => void): void {
    if (server === undefined || this.#underWay >= MOST) return this.#lost();
    this.#underWay++;
    const socket: Socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
    let open = true;
    const end = (): void => {
      if (!open) return;
      open = false;
      this.#underWay--;
      clearTimeout(late);
      socket.close();
    };
    const refused = (): void => {
      if (!open) return;
      end();
      this.#askByDatagram(query, others, say);
    };
    const late = setTimeout(() => {
      end();
      this.#lost();
    }, UPSTREAM_WITHIN);
    socket.on('error', refused);
    socket.on('message', (answer) => {
      if (answer.length < 2 || answer.readUInt16BE(0) !== query.readUInt16BE(0)) return;
      end();
      say(answer);
    });
    socket.connect(PORT, server, () => socket.send(query, (error) => error !== null && refused()));
  }

  #askByStream(query: Buffer, [server, ...others]: readonly string[], say: (message: Buffer) => void): void {
    if (server === undefined || this.#underWay >= MOST) return this.#lost();
    this.#underWay++;
    const frames = new Frames();
    const socket = connect({ host: server, port: PORT });
    let answered = false;
    let failed = false;
    socket.setTimeout(UPSTREAM_WITHIN, () => socket.destroy());
    socket.on('connect', () => socket.write(framed(query)));
    socket.on('error', () => (failed = true));
    socket.on('data', (bytes) => {
      for (const answer of frames.push(bytes)) {
        if (answer.length < 2 || answer.readUInt16BE(0) !== query.readUInt16BE(0)) continue;
        answered = true;
        say(answer);
        // A transfer of a zone comes in several messages; one answer to a question is one.
        socket.setTimeout(1_000);
      }
    });
    socket.on('close', () => {
      this.#underWay--;
      if (answered) return;
      if (failed) this.#askByStream(query, others, say);
      else this.#lost();
    });
  }

  #lost(): void {
    this.#judge.counts.unanswered++;
  }
}

const whoIs = ({ address, port }: RemoteInfo): string => `udp ${address} ${port}`;

const listening = (server: Server, address: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => server.once('error', reject).listen(port, address, resolve));
