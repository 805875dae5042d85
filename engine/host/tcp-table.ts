/** One socket of the kernel's table of TCP sockets. Addresses are plain text, without brackets; IPv4 in IPv6 is IPv4. */
export interface TcpSocket {
  readonly localHost: string;
  readonly localPort: number;
  readonly remoteHost: string;
  readonly remotePort: number;
  readonly state: 'established' | 'listening' | 'other';
  /** Names the socket on this machine; 0 for one that no process holds. */
  readonly inode: number;
}

/** The states of include/net/tcp_states.h that are told apart: ESTABLISHED and LISTEN. */
const STATES: Readonly<Record<string, TcpSocket['state']>> = { '01': 'established', '0A': 'listening' };

/** `sl local_address rem_address st`, the ports apart. */
const LINE = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]{2}) /;

/**
 * Reads lines of /proc/net/tcp or /proc/net/tcp6 (proc_net(5)), only the sockets with one of these ports at either end: a busy
 * machine has tens of thousands. Lines of another form, such as the title, are left out.
 */
export function parseTcpTable(lines: readonly string[], ports: ReadonlySet<number>): TcpSocket[] {
  return lines.flatMap((line) => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [head, local = '', localDigits = '', remote = '', remoteDigits = '', state = ''] = match;
    const [localPort, remotePort] = [Number.parseInt(localDigits, 16), Number.parseInt(remoteDigits, 16)];
    if (!ports.has(localPort) && !ports.has(remotePort)) return [];
    return {
      localHost: hostOf(local),
      localPort,
      remoteHost: hostOf(remote),
      remotePort,
      state: STATES[state] ?? 'other',
      // After the state: queues, timer, retransmits, uid, timeout, inode.
      inode: Number(line.slice(head.length).trim().split(/\s+/)[5] ?? 0),
    };
  });
}

const hostOf = (digits: string): string => (digits.length === 8 ? ipv4(digits) : ipv6(digits));

/** The kernel prints each 32-bit word in the byte order of the machine; all that Node runs on but s390x are little-endian. */
const bytesOf = (digits: string): number[] =>
  (digits.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).reverse());

const ipv4 = (digits: string): string => bytesOf(digits).join('.');

function ipv6(digits: string): string {
  const bytes = bytesOf(digits);
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16));
  return shortest(groups);
}

/** The way RFC 5952 writes IPv6: the first longest run of two or more zero groups becomes `::`. */
function shortest(groups: readonly string[]): string {
  let best = { at: 0, length: 1 };
  for (let at = 0; at < groups.length; at++) {
    let length = 0;
    while (groups[at + length] === '0') length++;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}
