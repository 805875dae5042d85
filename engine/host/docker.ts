import { Agent, type IncomingMessage, request } from 'node:http';
import { type Socket } from 'node:net';
import { type Duplex } from 'node:stream';
import { type z } from 'zod';
import { FirebreakError, messageOf } from '../kernel/errors.ts';

/**
 * The newest Docker API that what is asked for here is known in (docs.docker.com/reference/api/engine/version-history):
 * all of it is there since 1.24. The engine's own version is taken where it is older.
 */
const NEWEST = '1.51';
/** An engine under load may take seconds to answer, milliseconds. */
const ANSWERS_WITHIN = 20_000;
/** Whether it is there at all is answered at once, milliseconds. */
const GREETS_WITHIN = 5_000;
/** The list of a few thousand containers; longer is no answer to anything asked here. */
const MOST_BYTES = 32 << 20;

export interface DockerCall {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** A body that is no JSON, such as an image. */
  readonly raw?: Buffer;
  /** Longer than usual, milliseconds: the engine answers only when it is done. */
  readonly within?: number;
  readonly signal?: AbortSignal;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

/** What an engine says of itself. */
export interface EngineAbout {
  readonly version: string;
  /** Its own version where it is Podman, such as 4.3.1; else ''. */
  readonly podman: string;
}

/** One container engine behind its Unix socket, by the Docker API. Holds no connection between calls. */
export class DockerApi {
  readonly socket: string;
  readonly #agent = new Agent({ keepAlive: false });
  #about: Promise<EngineAbout> | undefined;

  constructor(socket: string) {
    this.socket = socket;
  }

  /** Agrees on a version, once. @throws FirebreakError `container-engine` when nobody answers. */
  about(): Promise<EngineAbout> {
    this.#about ??= this.#send('/_ping', { within: GREETS_WITHIN }).then(({ headers }) => {
      const theirs = String(headers['api-version'] ?? NEWEST);
      return { version: older(theirs, NEWEST), podman: String(headers['libpod-api-version'] ?? '') };
    });
    this.#about.catch(() => (this.#about = undefined));
    return this.#about;
  }

  /** Asks, and reads the answer. @throws FirebreakError as `act` does, and `container-engine` when the answer is not understood. */
  async ask<Schema extends z.ZodType>(path: string, schema: Schema, call: DockerCall = {}): Promise<z.infer<Schema>> {
    const { text } = await this.#call(path, call);
    const parsed = schema.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    throw new FirebreakError('container-engine', `the container engine's answer to ${path} is not understood: ${parsed.error.message.slice(0, 200)}`);
  }

  /**
   * Has something done. That it was so already (304) is no error.
   * @throws FirebreakError `no-container` (404), `container-busy` (409), `container-engine` for all others, with the engine's words.
   */
  async act(path: string, call: DockerCall = {}): Promise<void> {
    await this.#call(path, { method: 'POST', ...call });
  }

  /** Starts something whose input and output then flow over the connection: as long as it is open, so is the input. */
  async attach(path: string, body: unknown): Promise<Duplex> {
    const { version } = await this.about();
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const call = request({
        socketPath: this.socket, path: `/v${version}${path}`, method: 'POST', agent: false,
        headers: { host: 'localhost', 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), connection: 'Upgrade', upgrade: 'tcp' },
      });
      call.setTimeout(ANSWERS_WITHIN, () => call.destroy(new Error('it does not answer')));
      call.once('error', (error) => reject(this.#silent(error)));
      call.once('upgrade', (_answer, socket: Socket) => {
        socket.setTimeout(0);
        resolve(socket);
      });
      call.once('response', (answer) => {
        answer.resume();
        reject(new FirebreakError('container-engine', `the container engine refused ${path} with ${answer.statusCode}`));
      });
      call.end(text);
    });
  }

  async #call(path: string, call: DockerCall): Promise<Answer> {
    const { version } = await this.about();
    const query = new URLSearchParams(call.query).toString();
    const answer = await this.#send(`/v${version}${path}${query === '' ? '' : `?${query}`}`, call);
    if (answer.status < 400) return answer;
    const said = jsonOf(answer.text);
    const message = typeof said === 'object' && said !== null && 'message' in said ? String(said.message) : answer.text.slice(0, 300);
    const code = answer.status === 404 ? 'no-container' : answer.status === 409 ? 'container-busy' : 'container-engine';
    throw new FirebreakError(code, `the container engine says: ${message.trim()} (${answer.status})`);
  }

  #send(path: string, { method = 'GET', body, raw, within = ANSWERS_WITHIN, signal }: DockerCall): Promise<Answer> {
    const payload = raw ?? (body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
    const headers = {
      host: 'localhost',
      ...(payload === undefined ? {} : { 'content-type': raw === undefined ? 'application/json' : 'application/x-tar', 'content-length': payload.length }),
    };
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => reject(signal?.aborted === true ? (signal.reason as Error) : this.#silent(error));
      const call = request({ socketPath: this.socket, path, method, headers, agent: this.#agent, ...(signal === undefined ? {} : { signal }) }, (answer) => {
        const parts: Buffer[] = [];
        let size = 0;
        answer.on('data', (part: Buffer) => {
          parts.push(part);
          size += part.length;
          if (size > MOST_BYTES) call.destroy(new Error('its answer is too long'));
        });
        answer.once('error', fail);
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8'), headers: answer.headers }));
      });
      call.setTimeout(within, () => call.destroy(new Error(`no answer within ${within} ms`)));
      call.once('error', fail);
      call.end(payload);
    });
  }

  #silent(error: unknown): FirebreakError {
    return new FirebreakError('container-engine', `the container engine at ${this.socket} cannot be spoken to: ${messageOf(error)}`, {
      hint: 'is it running, and may this user use its socket? (sudo usermod -aG docker $USER, or sudo firebreak helper)',
      cause: error,
    });
  }
}

/** The lower of two versions such as 1.41. */
function older(one: string, other: string): string {
  const [a = 0, b = 0] = one.split('.').map(Number);
  const [c = 0, d = 0] = other.split('.').map(Number);
  return a < c || (a === c && b < d) ? one : other;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text === '' ? 'null' : text);
  } catch {
    return text;
  }
}
