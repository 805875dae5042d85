import { type Socket, connect } from 'node:net';

/** Connections that share a load: enough to keep the wire's workers busy, few enough to be cheap. */
const SOCKETS = 4;
/** How often requests are sent, milliseconds. */
const EVERY = 50;
/** Beginning of a response, whatever it says. */
const RESPONSE = /HTTP\/1\.1 \d/g;

/** Requests in a steady stream over a few connections on loopback, never more on their way than one second's worth. */
export class Flood implements AsyncDisposable {
  readonly #sockets: readonly Socket[];
  readonly #request: string;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  answered = 0;

  constructor(port: number, target: string) {
    this.#request = `GET ${target} HTTP/1.1\r\nHost: shop\r\n\r\n`;
    this.#sockets = Array.from({ length: SOCKETS }, () => {
      const socket = connect(port, '127.0.0.1');
      let rest = '';
      socket.setEncoding('latin1').on('data', (text: string) => {
        const seen = rest + text;
        let end = 0;
        for (const { index } of seen.matchAll(RESPONSE)) [this.answered, end] = [this.answered + 1, index + 10];
        // A beginning may lie across two reads.
        rest = seen.slice(Math.max(end, seen.length - 9));
      });
      return socket.on('error', () => socket.destroy());
    });
  }
  /** @param rate requests a second. */
  start(rate: number): void {
    const began = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1_000) * rate) - this.#sent;
      const free = this.answered + rate - this.#sent;
      const each = Math.floor(Math.min(due, free, rate / 5) / SOCKETS);
      if (each <= 0) return;
      for (const socket of this.#sockets) socket.write(this.#request.repeat(each));
      this.#sent += each * SOCKETS;
    }, EVERY);
  }
  /** Sends no more; what is on its way is answered or cut. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(
      this.#sockets.map((socket) =>
        socket.closed ? undefined : new Promise((resolve) => socket.once('close', resolve).end()),
      ),
    );
  }
  [Symbol.asyncDispose] = (): Promise<void> => this.end();
}
