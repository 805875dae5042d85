import type { Verdict } from '../effects.ts';
import type { Link } from '../session.ts';
import type { Shown } from '../subject.ts';
import type { Chosen } from './choice.ts';
import type { CommandScanner } from './commands.ts';
import { CONNECT_FAILED, errorOf, errorPacket } from './errors.ts';
import { answerOf, type Greeting, GREETING_LIMIT, greetingOf, othersOf } from './handshake.ts';
import { LOOKED_AT_OF_PACKET, type PacketScanner } from './packets.ts';
import { COMMAND, PACKET, REPLY } from './protocol.ts';
import type { Responses } from './responses.ts';

/** Said by a step of the opening when there is nothing more to follow, and nothing wrong. */
export const OVER = 'over';
const QUIT = Buffer.from([1, 0, 0, 0, COMMAND.quit]);

/**
 * How a connection begins: the server's greeting, the client's answer, and credentials that nobody here looks at. Each step
 * returns why the rest cannot be understood, or ''.
 */
export class Opening {
  greeted = false;
  answered = false;
  queryAttributes = false;
  /** A query may hold several statements. */
  multiStatements = false;
  readonly #link: Link;
  readonly #packets: PacketScanner;
  readonly #responses: Responses;
  readonly #chosen: Chosen;
  #greeting: Greeting | undefined;
  #compressed = false;
  #verdict: Exclude<Verdict, { act: 'delay' }> | undefined;
  #told: Shown | undefined;

  constructor(link: Link, packets: PacketScanner, responses: Responses, chosen: Chosen) {
    this.#link = link;
    this.#packets = packets;
    this.#responses = responses;
    this.#chosen = chosen;
    packets.want = GREETING_LIMIT;
  }

  /** The server's first packet was found. */
  greet(): string {
    const { bytes, at, available } = this.#packets;
    this.greeted = true;
    this.#packets.want = LOOKED_AT_OF_PACKET;
    // It refuses: too many connections, a host that is not welcome.
    if (available > 0 && bytes[at] === PACKET.error) return OVER;
    this.#greeting = greetingOf(bytes, at, at + available);
    if (this.#greeting === undefined) return 'the server does not greet as MySQL or MariaDB does';
    this.#responses.greeted(this.#greeting.status);
    return '';
  }
  /** The client's first packet is in bytes[at, end). */
  answer(bytes: Buffer, at: number, end: number): string {
    if (this.#greeting === undefined) return 'the client spoke before the server did';
    const { kind, agreed, compressed, queryAttributes, multiStatements, user, database } = answerOf(bytes, at, end, this.#greeting);
    if (kind === 'tls') return 'it is encrypted (TLS)';
    if (kind === 'unknown') return 'the client does not speak the protocol of MySQL 4.1 and later';
    this.#chosen.begins(user, database);
    this.queryAttributes = queryAttributes;
    this.multiStatements = multiStatements;
    this.#compressed = compressed;
    this.#responses.agreed = agreed;
    return '';
  }
  /** The client's answer goes to the server. */
  enter(): void {
    this.answered = true;
    this.#responses.expect(REPLY.auth);
  }
  /** The client comes as somebody else (COM_CHANGE_USER). */
  note(bytes: Buffer, { at, length }: CommandScanner, end: number): void {
    const { user, database } = othersOf(bytes, at + 1, Math.min(end, at + length));
    this.#chosen.asks(user, database, 0);
  }
  /** The server let the client in. */
  authenticated(): string {
    return this.#compressed ? 'it is compressed' : '';
  }

  /**
   * The connect is to fail, once the server has let the client in: a server that sees connections break off before that
   * counts them and shuts the host out in the end (`max_connect_errors`), and that would stay behind.
   */
  condemn(verdict: Exclude<Verdict, { act: 'delay' }>, told: Shown): void {
    this.#verdict = verdict;
    this.#told = told;
  }
  /** Whether the packet that was found would have let the client in, and it is refused instead. */
  refuses({ bytes, at, available, sequence }: PacketScanner): boolean {
    const [verdict, told] = [this.#verdict, this.#told];
    if (verdict === undefined || told === undefined || available === 0) return false;
    if (this.#responses.current !== REPLY.auth || bytes[at] !== PACKET.ok) return false;
    this.#verdict = undefined;
    const { acts, effects } = this.#link.route;
    if (!effects.inForce(verdict.id)) return false;
    if (!this.#compressed) this.#link.toUpstream(QUIT);
    if (verdict.act === 'drop') {
      acts.dropped(verdict, told);
      this.#link.reset();
    } else {
      acts.failed(verdict, told);
      this.#link.toClient(errorPacket(errorOf(verdict, CONNECT_FAILED), sequence));
      this.#link.close();
    }
    return true;
  }
}
