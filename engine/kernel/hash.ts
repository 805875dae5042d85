/** FNV-1a, 32 bit: offset basis and prime of http://www.isthe.com/chongo/tech/comp/fnv/ */
export const FNV_OFFSET = 0x811c9dc5;
export const FNV_PRIME = 0x01000193;

/** FNV-1a (32 bit) of a string's UTF-8 bytes, as an unsigned integer. */
export function fnv1a(text: string): number {
  return fnv1aBytes(Buffer.from(text, 'utf8'));
}

/** FNV-1a (32 bit) of bytes[start, end). Allocates nothing. */
export function fnv1aBytes(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let hash = FNV_OFFSET;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME);
  return hash >>> 0;
}

/** FNV-1a of any JSON value, the same however the keys of its objects are ordered. */
export function stableHash(value: unknown): number {
  return fnv1a(stableJson(value));
}

/** JSON with object keys sorted and undefined members left out: equal values give equal text. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : member,
  );
}
