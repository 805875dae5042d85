import { type Reader, Writer } from './primitives.ts';

/**
 * Messages by small tables. A field is `name type versions = default`, such as `errorCode int16 7+` or `rack string? 1+`: without
 * versions it is in all of them, `?` may be null. An array of structures is [name, versions, its fields]. From version
 * `flexible` on lengths are compact and every structure ends with tagged fields, which are kept as they came.
 */
export type Row = string | readonly [name: string, versions: string, rows: readonly Row[]];

export interface Struct {
  [field: string]: Value;
}
export type Value = number | bigint | string | null | Buffer | number[] | Struct[];

/** Where a structure keeps its tagged fields. */
export const TAGS = '#tags';
const NO_TAGS = Buffer.of(0);

type Kind = 'int8' | 'int16' | 'int32' | 'int64' | 'bool' | 'string' | 'uuid' | 'bytes' | 'int32s' | 'structs';

interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly since: number;
  readonly until: number;
  /** Written when a structure does not say. */
  readonly fallback: Value;
  readonly fields: readonly Field[];
}

export interface Schema {
  readonly flexible: number;
  readonly fields: readonly Field[];
}

/** Compiles a table. Throws on a row that cannot be read: the tables are code. */
export function schema(flexible: number, rows: readonly Row[]): Schema {
  return { flexible, fields: rows.map(fieldOf) };
}

const FALLBACKS: Readonly<Record<Kind, Value>> = {
  int8: 0, int16: 0, int32: 0, int64: 0n, bool: 0, string: '', uuid: Buffer.alloc(16), bytes: Buffer.alloc(0), int32s: [], structs: [],
};

function fieldOf(row: Row): Field {
  if (typeof row !== 'string') {
    const [name, versions, rows] = row;
    return { name, kind: 'structs', ...rangeOf(versions), fallback: [], fields: rows.map(fieldOf) };
  }
  const [left = '', right] = row.split(' = ');
  const [name = '', type = '', versions = ''] = left.split(' ');
  const kind = type.replace('?', '') as Kind;
  if (!Object.hasOwn(FALLBACKS, kind)) throw new TypeError(`the table has no type ${type}: ${row}`);
  const given = right === undefined ? undefined : kind === 'int64' ? BigInt(right) : Number(right);
  return { name, kind, ...rangeOf(versions), fallback: given ?? (type.endsWith('?') ? null : FALLBACKS[kind]), fields: [] };
}

function rangeOf(versions: string): { since: number; until: number } {
  const [, since = '0', open, until] = /^(\d+)(?:(\+)|-(\d+))?$/.exec(versions) ?? [];
  if (versions === '' || open !== undefined) return { since: Number(since), until: Infinity };
  return { since: Number(since), until: Number(until ?? since) };
}

/** Reads a message of this version. What follows it in `reader` is left. Throws Malformed. */
export function read(of: Schema, version: number, reader: Reader): Struct {
  return readFields(of.fields, version, reader, version >= of.flexible);
}

function readFields(fields: readonly Field[], version: number, reader: Reader, flexible: boolean): Struct {
  const struct: Struct = {};
  for (const field of fields) {
    if (version >= field.since && version <= field.until) struct[field.name] = readValue(field, version, reader, flexible);
  }
  if (flexible) struct[TAGS] = reader.tags();
  return struct;
}

function readValue(field: Field, version: number, reader: Reader, flexible: boolean): Value {
  switch (field.kind) {
    case 'int8':
    case 'bool':
      return reader.int8();
    case 'int16':
      return reader.int16();
    case 'int32':
      return reader.int32();
    case 'int64':
      return reader.int64();
    case 'uuid':
      return reader.slice(16);
    case 'string':
      return reader.string(flexible);
    case 'bytes':
      return reader.data(flexible);
    case 'int32s': {
      const count = reader.count(flexible);
      return count < 0 ? null : Array.from({ length: count }, () => reader.int32());
    }
    case 'structs': {
      const count = reader.count(flexible);
      return count < 0 ? null : Array.from({ length: count }, () => readFields(field.fields, version, reader, flexible));
    }
  }
}

/** Writes a message of this version; what `struct` does not say gets its default. */
export function write(of: Schema, version: number, struct: Struct, writer = new Writer()): Writer {
  writeFields(of.fields, version, struct, writer, version >= of.flexible);
  return writer;
}

function writeFields(fields: readonly Field[], version: number, struct: Struct, writer: Writer, flexible: boolean): void {
  for (const field of fields) {
    if (version < field.since || version > field.until) continue;
    const value = struct[field.name];
    writeValue(field, version, value === undefined ? field.fallback : value, writer, flexible);
  }
  if (flexible) writer.raw((struct[TAGS] as Buffer | undefined) ?? NO_TAGS);
}

function writeValue(field: Field, version: number, value: Value, writer: Writer, flexible: boolean): void {
  switch (field.kind) {
    case 'int8':
    case 'bool':
      return void writer.int8(value as number);
    case 'int16':
      return void writer.int16(value as number);
    case 'int32':
      return void writer.int32(value as number);
    case 'int64':
      return void writer.int64(value as bigint);
    case 'uuid':
      return void writer.raw(value as Buffer);
    case 'string':
      return void writer.string(value as string | null, flexible);
    case 'bytes':
      return void writer.data(value as Buffer | null, flexible);
    case 'int32s':
    case 'structs': {
      const list = value as (number | Struct)[] | null;
      writer.length(list === null ? -1 : list.length, flexible, true);
      for (const entry of list ?? []) {
        if (typeof entry === 'number') writer.int32(entry);
        else writeFields(field.fields, version, entry, writer, flexible);
      }
    }
  }
}

/** The structures of an array; none when it is null or not of this version. */
export const listOf = (struct: Struct, field: string): Struct[] => (struct[field] as Struct[] | null | undefined) ?? [];
export const textOf = (struct: Struct, field: string): string => {
  const value = struct[field];
  return typeof value === 'string' ? value : '';
};
export const numberOf = (struct: Struct, field: string, fallback = 0): number => {
  const value = struct[field];
  return typeof value === 'number' ? value : fallback;
};
export const bytesOf = (struct: Struct, field: string): Buffer | undefined => {
  const value = struct[field];
  return Buffer.isBuffer(value) ? value : undefined;
};

