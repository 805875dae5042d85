import { z } from 'zod';
import { type NetNamespace, runIn } from './net-namespace.ts';

/** Tables of nft(8) and the counters in them. */

const listed = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const table = z.object({ family: z.string(), name: z.string() });
const counter = z.object({ name: z.string(), packets: z.int(), bytes: z.int() });
export type Table = z.infer<typeof table>;
export type Counter = z.infer<typeof counter>;

const itemsOf = (text: string, kind: string): readonly unknown[] => listed.parse(JSON.parse(text)).nftables.flatMap((item) => item[kind] ?? []);

/** The tables of a namespace. @throws FirebreakError `command-failed`, also where there is no nft. */
export async function tablesIn(namespace: NetNamespace): Promise<readonly Table[]> {
  return itemsOf(await runIn(namespace, 'nft', ['-j', 'list', 'tables']), 'table').map((item) => table.parse(item));
}

/** The named counters of a table. */
export async function countersOf(namespace: NetNamespace, { family, name }: Table): Promise<readonly Counter[]> {
  return itemsOf(await runIn(namespace, 'nft', ['-j', 'list', 'counters', 'table', family, name]), 'counter').map((item) => counter.parse(item));
}

/** Removes a table with all in it. */
export const deleteTable = async (namespace: NetNamespace, { family, name }: Table): Promise<void> =>
  void (await runIn(namespace, 'nft', ['delete', 'table', family, name]));
