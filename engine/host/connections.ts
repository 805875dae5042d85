import { open } from 'node:fs/promises';
import { type Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/errors.ts';
import { commandName } from './command-name.ts';
import { HostNames, type Place, type Spot } from './places.ts';
import { readProcess } from './processes.ts';
import { SocketOwners } from './socket-owners.ts';
import { parseTcpTable, type TcpSocket } from './tcp-table.ts';

/** The far end of one connection. */
export interface Caller {
  readonly host: string;
  readonly port: number;
  /** Whether it is on this machine. */
  readonly local: boolean;
  /** The processes that hold it; empty when they cannot be told. */
  readonly pids: readonly number[];
}

export interface Service {
  /** Whether something listens or answers there; null when nothing was seen that tells. */
  readonly up: boolean | null;
  /** The processes that listen there; empty when it is elsewhere or they cannot be told. */
  readonly pids: readonly number[];
}

/** A process by what a person would call it (`commandName`). */
export interface Program {
  readonly pid: number;
  readonly ppid: number;
  readonly name: string;
}

/** What was seen at one moment, in the order in which it was asked for. */
export interface Sighting {
  /** The connections to each place, whoever made them. */
  readonly callers: readonly (readonly Caller[])[];
  readonly services: readonly Service[];
  /** Every process named above, and the parent of each. */
  readonly programs: ReadonlyMap<number, Program>;
  /** What could not be seen and why; '' when all could. */
  readonly limits: string;
}

/** Some 27,000 sockets; what is beyond is not looked at. */
const MOST_TABLE_BYTES = 4 << 20;
const PIECE_BYTES = 65_536;

/** Who is connected to whom on this machine, as the kernel sees it: needs no part of the programs concerned. */
export interface Connections {
  /** Never throws: what cannot be seen is left out and told by `limits`. */
  look(listens: readonly Place[], services: readonly Place[]): Promise<Sighting>;
}

/** Remembers which process holds which socket from one look to the next. */
export function createConnections(clock: Clock): Connections {
  const owners = new SocketOwners(clock);
  const names = new HostNames(clock);
  return {
    look: async (listens, services) => {
      if (process.platform !== 'linux') return blind(listens, services, 'only on Linux can Firebreak tell who calls');
      try {
        const { isOwn, spot } = names.now();
        const table = await readTable(new Set([...listens, ...services].map(({ port }) => port)));
        return await see({ table, owners, isOwn, listens: listens.map(spot), services: services.map(spot) });
      } catch (error) {
        return blind(listens, services, `the connections of this machine cannot be read: ${messageOf(error)}`);
      }
    },
  };
}

function blind(listens: readonly Place[], services: readonly Place[], limits: string): Sighting {
  const unknown: Service = { up: null, pids: [] };
  return { callers: listens.map(() => []), services: services.map(() => unknown), programs: new Map(), limits };
}

interface Table {
  readonly sockets: readonly TcpSocket[];
  readonly cut: boolean;
}

async function readTable(ports: ReadonlySet<number>): Promise<Table> {
  const four = await readBounded('/proc/net/tcp', ports);
  // A kernel without IPv6 has no such file.
  const six = await readBounded('/proc/net/tcp6', ports).catch((): Table => ({ sockets: [], cut: false }));
  return { sockets: [...four.sockets, ...six.sockets], cut: four.cut || six.cut };
}

/** A piece at a time, so that a long table does not hold up everything else. */
async function readBounded(path: string, ports: ReadonlySet<number>): Promise<Table> {
  await using file = await open(path);
  const sockets: TcpSocket[] = [];
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  let rest = '';
  for (let size = 0; size < MOST_TABLE_BYTES; ) {
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, null);
    if (bytesRead === 0) return { sockets, cut: false };
    size += bytesRead;
    const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
    rest = lines.pop() ?? '';
    sockets.push(...parseTcpTable(lines, ports));
  }
  return { sockets, cut: true };
}

interface Scene {
  readonly table: Table;
  readonly owners: SocketOwners;
  readonly isOwn: (address: string) => boolean;
  readonly listens: readonly Spot[];
  readonly services: readonly Spot[];
}

async function see({ table: { sockets, cut }, owners, isOwn, listens, services }: Scene): Promise<Sighting> {
  const established = sockets.filter(({ state }) => state === 'established');
  // The two ends of a connection on this machine are two sockets, each the other's mirror image.
  const byEnds = new Map(established.map((socket) => [endsOf(socket), socket]));
  const farEnds = listens.map((place) =>
    established
      .filter((socket) => socket.localPort === place.port && place.covers(socket.localHost))
      .map((near) => ({ near, far: byEnds.get(mirrorOf(near)) }))
      // One that the caller has just closed, as the far end of a connection on this machine shows.
      .filter(({ near, far }) => (far === undefined ? !isOwn(near.remoteHost) : far.inode !== 0)),
  );
  const listeners = services.map((place) =>
    sockets.filter((socket) => socket.state === 'listening' && socket.localPort === place.port && place.reaches(socket.localHost)),
  );
  const inodes = (found: readonly (TcpSocket | undefined)[]): Set<number> =>
    new Set(found.flatMap((socket) => (socket === undefined || socket.inode === 0 ? [] : socket.inode)));
  await owners.find(inodes(farEnds.flat().map(({ far }) => far)), inodes(listeners.flat()));

  const callers = farEnds.map((ends) =>
    ends.map(({ near, far }): Caller => ({
      host: near.remoteHost,
      port: near.remotePort,
      local: far !== undefined,
      pids: far === undefined ? [] : owners.pids(far.inode),
    })),
  );
  const seen = services.map((place, i): Service => {
    const here = listeners[i] ?? [];
    const answers = here.length > 0 || established.some((socket) => socket.remotePort === place.port && place.covers(socket.remoteHost));
    return { up: answers ? true : place.here ? false : null, pids: [...new Set(here.flatMap(({ inode }) => owners.pids(inode)))] };
  });
  const programs = programsOf([...callers.flat(), ...seen].flatMap(({ pids }) => pids), owners);
  const tooMany = `this machine has more connections than the ${MOST_TABLE_BYTES >> 20} MiB that Firebreak reads of their table`;
  return { callers, services: seen, programs, limits: [cut ? tooMany : '', owners.limits].filter((text) => text !== '').join('; ') };
}

function programsOf(pids: readonly number[], owners: SocketOwners): Map<number, Program> {
  const programs = new Map<number, Program>();
  const add = (pid: number): Program | undefined => {
    const known = programs.get(pid);
    if (known !== undefined) return known;
    const info = readProcess(pid);
    if (info === undefined) return undefined;
    const program = { pid, ppid: info.ppid, name: commandName(info.argv) || info.name };
    programs.set(pid, program);
    return program;
  };
  for (const pid of new Set(pids)) {
    const program = add(pid);
    if (program === undefined) owners.forget(pid);
    else add(program.ppid);
  }
  return programs;
}

const endsOf = ({ localHost, localPort, remoteHost, remotePort }: TcpSocket): string => `${localHost} ${localPort} ${remoteHost} ${remotePort}`;
const mirrorOf = ({ localHost, localPort, remoteHost, remotePort }: TcpSocket): string => `${remoteHost} ${remotePort} ${localHost} ${localPort}`;
