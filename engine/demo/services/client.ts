import { Agent, request } from 'node:http';
import { type Clock } from '../../kernel/clock.ts';
import { errnoOf, messageOf } from '../../kernel/errors.ts';

/** `body` is parsed JSON, or undefined when there was none. A status of 0 means that no answer came: see `error`. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly error: string;
}

export interface Call {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  /** Milliseconds; without it the call waits for as long as it takes. */
  readonly timeout?: number;
}

/** A JSON client for one neighbour, over connections that are kept. A failed call is an answer, never a throw. */
export class Client implements Disposable {
  readonly #base: string;
  readonly #clock: Clock;
  // Idle connections are closed from this side, before a server would do it just as a request is under way.
  readonly #agent = new Agent({ keepAlive: true, timeout: 4_000, scheduling: 'lifo' });

  /** @param address `host:port` of the neighbour, or of the route that leads to it. */
  constructor(address: string, clock: Clock) {
    this.#base = `http://${address}`;
    this.#clock = clock;
  }

  call({ method = 'GET', path, body, timeout }: Call): Promise<Answer> {
    return new Promise((resolve) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const type = 'application/json';
      const headers = text === '' ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) };
      const settle = (answer: Answer): void => {
        deadline?.[Symbol.dispose]();
        resolve(answer);
      };
      const fail = (error: string): void => settle({ status: 0, body: undefined, error });
      const outgoing = request(this.#base + path, { agent: this.#agent, method, headers }, (answer) => {
        let received = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
        answer.on('end', () => settle({ status: answer.statusCode ?? 0, body: parse(received), error: '' }));
        answer.on('error', (error) => fail(errnoOf(error) || messageOf(error)));
      });
      const deadline =
        timeout === undefined
          ? undefined
          : this.#clock.after(timeout, () => {
              fail('timeout');
              outgoing.destroy();
            });
      outgoing.on('error', (error) => fail(errnoOf(error) || messageOf(error)));
      outgoing.end(text);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
