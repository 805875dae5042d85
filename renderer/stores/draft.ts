import { z } from 'zod';
import { persisted } from './persisted.ts';

/** A setting of the engine holds 256 KiB of JSON, in which a character takes up to six bytes: a longer text is kept in pieces. */
export const PIECE_CHARS = 40_000;
/** The setting that holds a piece. */
export const pieceKey = (index: number): string => `draft.text.${index}`;

const schema = z.object({
  /** The text of the builder; '' when it is kept in pieces. */
  text: z.string(),
  pieces: z.int().min(0).max(1_000),
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
  pieces: 0,
  file: '',
  path: '',
  unsaved: false,
  crlf: false,
  bom: false,
  ttl: '60s',
  deployed: null,
});
