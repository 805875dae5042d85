declare module 'lz4js' {
  /** At most how many bytes come out of a frame, by what its head and its blocks say. */
  export function decompressBound(source: Uint8Array): number;
  /** Takes one frame apart; `maxSize` is the room for what comes out. Throws when the frame is none. */
  export function decompress(source: Uint8Array, maxSize?: number): Uint8Array;
  export function compress(source: Uint8Array): Uint8Array;
}
declare module 'snappyjs' {
  /** Throws when the bytes are no snappy, or more than `maxLength` would come out. */
  export function uncompress(compressed: Uint8Array, maxLength?: number): Uint8Array;
  export function compress(source: Uint8Array): Uint8Array;
}
