import { z } from 'zod';
import { persisted } from './persisted.ts';

/** A setting of the engine holds 256 KiB; what is longer is kept as a version, and the draft names it. Characters. */
export const DRAFT_CHARS = 60_000;

const schema = z.object({
  /** The text of the builder; '' when `version` holds it. */
  text: z.string(),
  version: z.int().nullable(),
  /** What the file is called; '' before it has a name. */
  file: z.string(),
  /** Where the desktop saves it; '' when it came from elsewhere. */
  path: z.string(),
  /** Whether the text has changed since it was opened, saved or deployed. */
  unsaved: z.boolean(),
  /** How the file is written on disk; the editor knows `\n` alone. */
  crlf: z.boolean(),
  bom: z.boolean(),
  /** For how long a deployment lasts, as typed. */
  ttl: z.string(),
  /** What was deployed from here and is not over, as far as known. `until` is wall-clock ms. */
  deployed: z.object({ run: z.string(), name: z.string(), until: z.number() }).nullable(),
});
export type Draft = z.infer<typeof schema>;

/** The file in the builder, across reloads and restarts. */
export const useDraft = persisted<Draft>('draft', schema, {
  text: '',
  version: null,
  file: '',
  path: '',
  unsaved: false,
  crlf: false,
  bom: false,
  ttl: '60s',
  deployed: null,
});
