/**
 * Programs for the kernel's BPF machine, written here instruction by instruction: there is nothing to compile, and what is
 * loaded can be read. Instruction set: RFC 9669; contexts and helpers: linux/bpf.h.
 */

/** What a program is asked at, with its type and attach type (enum bpf_prog_type and bpf_attach_type of linux/bpf.h). */
export const HOOKS = {
  connect4: { program: 18, attach: 10 },
  connect6: { program: 18, attach: 11 },
  bind4: { program: 18, attach: 8 },
  bind6: { program: 18, attach: 9 },
  socket: { program: 9, attach: 2 },
  ingress: { program: 8, attach: 0 },
  egress: { program: 8, attach: 1 },
} as const;
export type Hook = keyof typeof HOOKS;

/** What is struck at a hook. */
export interface Strike {
  readonly hook: Hook;
  /** The error that the caller gets, as its positive number. Packets are dropped instead: 0. */
  readonly errno: number;
  /** The port at the other end, or with bind the own; of a packet either. 0 = every port; a socket that is being made has none. */
  readonly port: number;
  /** 0-1. */
  readonly probability: number;
}

/** Cells of the map that a program counts in: calls that its filters let through, and those of them that were struck. */
export const CELLS = { matched: 0, struck: 1 } as const;

/** Offsets in `struct bpf_sock_addr` and `struct __sk_buff`. */
const ADDR = { port: 24 } as const;
const SKB = { remotePort: 132, localPort: 136 } as const;
const HELPER = { mapLookup: 1, random: 7, setRetval: 187 } as const;
const OP = {
  load32: 0x61, storeImm32: 0x62, add64: 0x07, move64: 0xb7, moveReg64: 0xbf, rsh32: 0x74, loadImm64: 0x18,
  addAtomic64: 0xdb, jumpEqual: 0x15, jumpEqual32: 0x16, jumpNotEqual32: 0x56, jumpGreaterEqual32: 0x36, call: 0x85, exit: 0x95,
} as const;
const PSEUDO_MAP_FD = 1;
const STACK = 10;
/** What each program gives back. */
const REFUSE = 0;
const PASS = 1;

class Assembler {
  readonly #words: { op: number; dst: number; src: number; offset: number; imm: number; to?: string }[] = [];
  readonly #labels = new Map<string, number>();

  add(op: number, dst = 0, { src = 0, offset = 0, imm = 0, to }: { src?: number; offset?: number; imm?: number; to?: string } = {}): this {
    this.#words.push({ op, dst, src, offset, imm, ...(to !== undefined && { to }) });
    return this;
  }
  label(name: string): this {
    this.#labels.set(name, this.#words.length);
    return this;
  }
  leadsTo(name: string): boolean {
    return this.#words.some(({ to }) => to === name);
  }
  map(dst: number, fd: number): this {
    return this.add(OP.loadImm64, dst, { src: PSEUDO_MAP_FD, imm: fd }).add(0);
  }
  /** Adds one to a cell of the map; spends r0 to r5. */
  count(fd: number, cell: number): this {
    const skip = `after ${this.#words.length}`;
    return this.add(OP.storeImm32, STACK, { offset: -4, imm: cell })
      .map(1, fd)
      .add(OP.moveReg64, 2, { src: STACK })
      .add(OP.add64, 2, { imm: -4 })
      .add(OP.call, 0, { imm: HELPER.mapLookup })
      .add(OP.jumpEqual, 0, { imm: 0, to: skip })
      .add(OP.move64, 1, { imm: 1 })
      .add(OP.addAtomic64, 0, { src: 1 })
      .label(skip);
  }
  bytes(): Buffer {
    const bytes = Buffer.alloc(this.#words.length * 8);
    for (const [i, { op, dst, src, offset, imm, to }] of this.#words.entries()) {
      const target = to === undefined ? undefined : this.#labels.get(to);
      bytes[i * 8] = op;
      bytes[i * 8 + 1] = dst | (src << 4);
      bytes.writeInt16LE(target === undefined ? offset : target - i - 1, i * 8 + 2);
      bytes.writeInt32LE(imm | 0, i * 8 + 4);
    }
    return bytes;
  }
}

/** The instructions for a strike, eight bytes each. @param map file descriptor of an array of 64-bit cells, see CELLS. */
export function programFor(strike: Strike, map: number): Buffer {
  const { hook, port, probability, errno } = strike;
  const packet = hook === 'ingress' || hook === 'egress';
  const code = new Assembler().add(OP.moveReg64, 6, { src: 1 });
  if (port > 0) (packet ? packetPort : addressPort)(code, port);
  code.count(map, CELLS.matched);
  if (probability < 1) {
    code.add(OP.call, 0, { imm: HELPER.random });
    code.add(OP.jumpGreaterEqual32, 0, { imm: Math.round(probability * 2 ** 32), to: 'pass' });
  }
  code.count(map, CELLS.struck);
  if (!packet) code.add(OP.move64, 1, { imm: -errno }).add(OP.call, 0, { imm: HELPER.setRetval });
  code.add(OP.move64, 0, { imm: REFUSE }).add(OP.exit);
  // The kernel refuses instructions that nothing leads to.
  if (code.leadsTo('pass')) code.label('pass').add(OP.move64, 0, { imm: PASS }).add(OP.exit);
  return code.bytes();
}

const swap16 = (port: number): number => ((port & 0xff) << 8) | (port >> 8);

function addressPort(code: Assembler, port: number): void {
  code.add(OP.load32, 1, { src: 6, offset: ADDR.port });
  code.add(OP.jumpNotEqual32, 1, { imm: swap16(port), to: 'pass' });
}
/** The port of either end: who listens knows it as its own. The remote one stands in the upper half, in network order. */
function packetPort(code: Assembler, port: number): void {
  code.add(OP.load32, 1, { src: 6, offset: SKB.localPort }).add(OP.jumpEqual32, 1, { imm: port, to: 'port' });
  code.add(OP.load32, 1, { src: 6, offset: SKB.remotePort }).add(OP.rsh32, 1, { imm: 16 });
  code.add(OP.jumpNotEqual32, 1, { imm: swap16(port), to: 'pass' }).label('port');
}
