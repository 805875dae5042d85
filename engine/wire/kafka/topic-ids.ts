/** How many topics are remembered by their ids; the oldest go first. */
const KEPT = 100_000;

/**
 * The names of topics by their ids, which newer versions send instead. Learnt from the metadata that crosses any route: ids are unique
 * (KIP-516), so one list serves all clusters and connections of a worker.
 */
const names = new Map<string, string>();

export function learnTopic(id: Buffer, name: string): void {
  const key = id.toString('latin1');
  if (names.get(key) === name) return;
  names.set(key, name);
  if (names.size > KEPT) names.delete(names.keys().next().value ?? '');
}

/** Undefined: no metadata has told. */
export const topicOf = (id: Buffer): string | undefined => names.get(id.toString('latin1'));
