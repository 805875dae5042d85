import { Elements, TYPE } from './elements.ts';
import { COMPRESSED_HEAD, FLAG, type Header, HEADER, OP, writeHeader } from './header.ts';
import { unpack } from './unpack.ts';
import { documentOf, elementOf } from './write.ts';

/** Largest answer that is changed, in bytes once unpacked: it has to be held as a whole. Larger ones pass as they are. */
export const CHANGE_LIMIT = 4 * 1_048_576;

/** Changes the document of an answer; undefined leaves the answer as it was. */
export type Change = (bytes: Buffer, start: number, end: number) => Buffer | undefined;

/**
 * The answer in bytes[at, at + header.length), changed; its numbers and flags stay. Written without compression and
 * without a checksum, which are both at the choice of the one who writes. Undefined: nothing was changed.
 */
export function changed(bytes: Buffer, at: number, header: Header, change: Change): Buffer | undefined {
  const body = bodyOf(bytes, at, header);
  if (body === undefined || body.length < 10 || body[4] !== 0) return undefined;
  const elements = new Elements().open(body, 5, body.length);
  const checksum = (body.readInt32LE(0) & FLAG.checksum) !== 0 ? 4 : 0;
  // A command is answered with one document; whatever else there is was not meant.
  if (elements.broken || elements.end !== body.length - checksum) return undefined;
  const document = change(body, 5, elements.end);
  if (document === undefined) return undefined;
  const message = Buffer.alloc(HEADER + 5 + document.length);
  message.writeInt32LE(body.readInt32LE(0) & ~FLAG.checksum, HEADER);
  message.set(document, HEADER + 5);
  return writeHeader(message, header.requestId, header.responseTo, OP.msg);
}

/** The OP_MSG from its flags on. */
function bodyOf(bytes: Buffer, at: number, { length, opCode, word }: Header): Buffer | undefined {
  const end = at + length;
  if (opCode === OP.msg) return bytes.subarray(at + HEADER, end);
  if (opCode !== OP.compressed || word !== OP.msg || length <= COMPRESSED_HEAD) return undefined;
  const size = bytes.readInt32LE(at + HEADER + 4);
  if (size < 0 || size > CHANGE_LIMIT) return undefined;
  const body = unpack(bytes[at + COMPRESSED_HEAD - 1] as number, bytes.subarray(at + COMPRESSED_HEAD, end), size);
  return body?.length === size ? body : undefined;
}

/** Takes documents out of the batch of a cursor: this share of them, evenly spread, and of any batch at least the first. */
export const removeDocuments = (share: number): Change =>
  inBatch((documents) => {
    const kept = documents.filter((_, i) => !chosen(i, share));
    return kept.length === documents.length ? undefined : kept;
  });

/** Sets fields of the documents in the batch of a cursor to null: those at these paths, or all but `_id`. */
export const nullFields = (share: number, fields: readonly string[]): Change => {
  const paths = fields.map((field) => field.split('.'));
  return inBatch((documents) => {
    let changes = false;
    const result = documents.map((document, i) => {
      const nulled = chosen(i, share) ? nulledDocument(document, 0, document.length, paths) : undefined;
      changes ||= nulled !== undefined;
      return nulled ?? document;
    });
    return changes ? result : undefined;
  });
};

/** Adds elements (of a document that was encoded) to an answer that says it succeeded. */
export const addElements = (extra: Uint8Array): Change => (bytes, start, end) => {
  const elements = new Elements().open(bytes, start, end);
  if (!elements.find('ok')) return undefined;
  const value = bytes.subarray(elements.valueStart, elements.valueEnd);
  // `ok` is 1.0 from a server, and may be a whole number elsewhere; as bytes, both have something but zeros.
  if (value.every((byte) => byte === 0)) return undefined;
  return documentOf([bytes.subarray(start + 4, end - 1), extra.subarray(4, extra.length - 1)]);
};

/** Whether document i is one of the share: whole steps of the running sum, the first at once. */
const chosen = (i: number, share: number): boolean => Math.ceil((i + 1) * share) > Math.ceil(i * share);

function inBatch(change: (documents: readonly Buffer[]) => readonly Buffer[] | undefined): Change {
  return (bytes, start, end) => {
    const cursor = new Elements().open(bytes, start, end);
    if (!cursor.find('cursor') || cursor.type !== TYPE.document) return undefined;
    const batch = new Elements().open(bytes, cursor.valueStart, cursor.valueEnd);
    do if (!batch.next()) return undefined;
    while (!batch.keyIs('firstBatch') && !batch.keyIs('nextBatch'));
    if (batch.type !== TYPE.array) return undefined;
    const documents: Buffer[] = [];
    const each = new Elements().open(bytes, batch.valueStart, batch.valueEnd);
    while (each.next()) {
      if (each.type !== TYPE.document) return undefined;
      documents.push(bytes.subarray(each.valueStart, each.valueEnd));
    }
    const result = each.broken ? undefined : change(documents);
    if (result === undefined) return undefined;
    const inner = documentOf([bytes.subarray(cursor.valueStart + 4, batch.valueStart), array(result), bytes.subarray(batch.valueEnd, cursor.valueEnd - 1)]);
    return documentOf([bytes.subarray(start + 4, cursor.valueStart), inner, bytes.subarray(cursor.valueEnd, end - 1)]);
  };
}

/** Deeper than any document that a server stores (MongoDB Limits and Thresholds, "Nested Depth": 100 levels). */
const DEEPEST = 200;

/** The document in bytes[start, end) with null at the paths; undefined when it has none of them. */
function nulledDocument(
  bytes: Buffer, start: number, end: number, paths: readonly (readonly string[])[], isArray = false, depth = 0,
): Buffer | undefined {
  if (depth > DEEPEST) return undefined;
  const elements = new Elements().open(bytes, start, end);
  const parts: Uint8Array[] = [];
  let changes = false;
  let from = start + 4;
  while (elements.next()) {
    const { key, type, valueStart, valueEnd } = elements;
    // Within an array a path goes on in each of its elements, as it does in a query.
    const own = isArray ? paths : paths.filter(([first]) => first === key).map((path) => path.slice(1));
    const here = paths.length === 0 ? !isArray && key !== '_id' : !isArray && own.some((rest) => rest.length === 0);
    const nested = type === TYPE.document || type === TYPE.array;
    if (here && type !== TYPE.null) {
      parts.push(bytes.subarray(from, elements.keyStart - 1), Buffer.of(TYPE.null), bytes.subarray(elements.keyStart, valueStart));
    } else if (!here && own.length > 0 && nested) {
      const inner = nulledDocument(bytes, valueStart, valueEnd, own, type === TYPE.array, depth + 1);
      if (inner === undefined) continue;
      parts.push(bytes.subarray(from, valueStart), inner);
    } else continue;
    changes = true;
    from = valueEnd;
  }
  if (!changes || elements.broken) return undefined;
  return documentOf([...parts, bytes.subarray(from, end - 1)]);
}

const array = (documents: readonly Buffer[]): Buffer => documentOf(documents.map((each, i) => elementOf(TYPE.document, String(i), each)));
