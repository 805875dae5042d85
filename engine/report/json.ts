import { type RunRecord } from '../contract/models.ts';
import { stableJson } from '../kernel/hash.ts';

/** Names the shape of the JSON report; it changes when the record does. */
export const RUN_SCHEMA = 'firebreak/run/1';

/** The record itself, with sorted keys below `schema`: equal records give equal bytes. */
export function writeJson(record: RunRecord): string {
  const sorted = JSON.parse(stableJson(record)) as Record<string, unknown>;
  return `${JSON.stringify({ schema: RUN_SCHEMA, ...sorted }, null, 2)}\n`;
}
