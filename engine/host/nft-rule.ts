import { attribute, FLAG, isErrno, message, Netlink, number16, number32, refused } from './netlink.ts';

/** A rule that nft(8) cannot say on every kernel: one that leaves packets to a program (linux/netfilter/nf_tables.h). */

const NFT = 10;
const NEW_RULE = (NFT << 8) | 6;
const BEGIN = 0x10;
const END = 0x11;
const FAMILIES = { inet: 1 } as const;
const RULE = { table: 1, chain: 2, expressions: 4 } as const;
const ELEMENT = 1;
const EXPRESSION = { name: 1, data: 2 } as const;
/** NFT_QUEUE_FLAG_BYPASS and NFQ_FLAG_BYPASS: what nobody reads passes. */
const BYPASS = 1;

const expression = (name: string, data: readonly Buffer[]): Buffer =>
  attribute(ELEMENT, [attribute(EXPRESSION.name, name), attribute(EXPRESSION.data, data)]);

/** nft's own queue (NFTA_QUEUE_NUM, _TOTAL, _FLAGS), and that of iptables by way of nft_compat (NFTA_TARGET_NAME, _REV, _INFO). */
const WAYS = [
  (queue: number): Buffer => expression('queue', [attribute(1, number16(queue)), attribute(2, number16(1)), attribute(3, number16(BYPASS))]),
  (queue: number): Buffer => {
    // struct xt_NFQ_info_v3, as long as XT_ALIGN makes it: queue, number of queues, flags, in the machine's byte order.
    const info = Buffer.alloc(8);
    for (const [i, value] of [queue, 1, BYPASS].entries()) info.writeUInt16LE(value, i * 2);
    return expression('target', [attribute(1, 'NFQUEUE'), attribute(2, number32(3)), attribute(3, info)]);
  },
];

/**
 * Appends to chains of an inet table: all that comes there is left to whoever reads the queue, or passes when nobody does.
 * All chains or none. @throws FirebreakError `netlink` with the kernel's reason.
 */
export function appendQueueRules(table: string, chains: readonly string[], queue: number): void {
  using netlink = new Netlink();
  let errno = 0;
  for (const way of WAYS) {
    errno = netlink.ask((next) => [
      message(BEGIN, 0, next(), 0, NFT, []),
      ...chains.map((chain) =>
        message(NEW_RULE, FLAG.acknowledge | FLAG.make, next(), FAMILIES.inet, 0, [
          attribute(RULE.table, table), attribute(RULE.chain, chain), attribute(RULE.expressions, [way(queue)]),
        ])),
      message(END, 0, next(), 0, NFT, []),
    ]);
    if (errno === 0) return;
    // A kernel without this one may have the other.
    if (!isErrno(errno, 'ENOENT', 'EOPNOTSUPP', 'EINVAL')) break;
  }
  throw refused('no rule can leave packets to a program (nft_queue, or nft_compat with xt_NFQUEUE)', errno);
}
