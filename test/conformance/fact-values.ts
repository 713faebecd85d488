/**
 * Values of the records in `facts.ts`: random ones, their bytes (by a second, plain encoder that shares nothing with
 * `src/protocol`), their primitives in order, and their shape in our own interfaces.
 */
import * as fc from 'fast-check';
import { RECORDS, type FieldType, type RecordName } from './facts.js';

/** A record as plain data: longs are bigints, buffers are `Buffer`s. */
export type FactValue =
  boolean | number | bigint | string | Buffer | null | readonly FactValue[] | FactRecord;

export interface FactRecord {
  readonly [field: string]: FactValue;
}

/** `all`: any text. `bmp`: without what Java writes in its own way (code points above U+FFFF). */
export type Texts = 'all' | 'bmp';

/** Vectors that a server answers InvalidACL to rather than take as broken, so that null must survive. */
const NULLABLE_VECTORS: readonly string[] = [
  'CreateRequest.acl',
  'CreateTTLRequest.acl',
  'SetACLRequest.acl',
];

/** Longs that our interfaces hold as numbers: times in ms. */
const NUMBER_LONGS: readonly string[] = ['Stat.ctime', 'Stat.mtime', 'CreateTTLRequest.ttl'];

const INT = fc.oneof(fc.constantFrom(0, -1, 1, 0x7fffffff, -0x80000000), fc.integer());
const LONG = fc.oneof(
  fc.constantFrom(0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 32n), 2n ** 53n + 1n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const SAFE_LONG = fc.oneof(
  fc.constantFrom(0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0x1_0000_0000, 0xff_ffff_ffff),
  fc.maxSafeInteger(),
);
const BUFFER = fc.oneof(
  fc.constantFrom(null, Buffer.alloc(0)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);
const ANY_TEXT = fc.oneof(
  fc.constantFrom('', '/', '\ufffd', '\ufeff', '\u0000', 'äß', '\u{1f600}'),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ maxLength: 200 }),
);

/** Random values of a record. */
export function arbitraryRecord(name: RecordName, texts: Texts = 'all'): fc.Arbitrary<FactRecord> {
  const fields = RECORDS[name].map((field) => [
    field.name,
    arbitrary(field.type, `${name}.${field.name}`, texts),
  ]);
  return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<FactValue>>, {
    noNullPrototype: true,
  });
}

function arbitrary(type: FieldType, where: string, texts: Texts): fc.Arbitrary<FactValue> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean();
    case 'int':
      return INT;
    case 'long':
      return NUMBER_LONGS.includes(where) ? SAFE_LONG.map(BigInt) : LONG;
    case 'ustring':
      return texts === 'all' ? ANY_TEXT : ANY_TEXT.map(withoutAstral);
    case 'buffer':
      return BUFFER;
    case 'record':
      return arbitraryRecord(type.record, texts);
    case 'vector': {
      const values = fc.array(arbitrary(type.of, where, texts), { maxLength: 5 });
      return NULLABLE_VECTORS.includes(where) ? fc.option(values, { freq: 5 }) : values;
    }
  }
}

function withoutAstral(text: string): string {
  return text.replace(/[\ud800-\udfff]/g, '');
}

// ---------------------------------------------------------------- bytes

/** The bytes of a record. */
export function encodeRecord(name: RecordName, value: FactRecord): Buffer {
  return Buffer.concat(RECORDS[name].map((field) => encode(field.type, value[field.name] as FactValue)));
}

function encode(type: FieldType, value: FactValue): Buffer {
  switch (type.kind) {
    case 'boolean':
      return Buffer.of(value === true ? 1 : 0);
    case 'int':
      return int(value as number);
    case 'long':
      return Buffer.from(
        BigInt.asUintN(64, value as bigint)
          .toString(16)
          .padStart(16, '0'),
        'hex',
      );
    case 'ustring':
      return value === null ? int(-1) : counted(Buffer.from(value as string, 'utf8'));
    case 'buffer':
      return value === null ? int(-1) : counted(value as Buffer);
    case 'record':
      return encodeRecord(type.record, value as FactRecord);
    case 'vector': {
      if (value === null) return int(-1);
      const items = value as readonly FactValue[];
      return Buffer.concat([int(items.length), ...items.map((item) => encode(type.of, item))]);
    }
  }
}

/** Four bytes, big endian. */
export function int(value: number): Buffer {
  return Buffer.from([24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff));
}

function counted(bytes: Buffer): Buffer {
  return Buffer.concat([int(bytes.length), bytes]);
}

// ---------------------------------------------------------------- primitives

/** The primitives of a record in wire order, a vector as its count and its elements. */
export function primitivesOf(name: RecordName, value: FactRecord): string[] {
  return RECORDS[name].flatMap((field) => primitives(field.type, value[field.name] as FactValue));
}

function primitives(type: FieldType, value: FactValue): string[] {
  switch (type.kind) {
    case 'record':
      return primitivesOf(type.record, value as FactRecord);
    case 'vector':
      if (value === null) return ['vector null'];
      return [
        `vector ${(value as readonly FactValue[]).length}`,
        ...(value as readonly FactValue[]).flatMap((item) => primitives(type.of, item)),
      ];
    default:
      return [type.kind];
  }
}

// ---------------------------------------------------------------- our shape

/** A value in the shape of our own interfaces: times are numbers, the Id of an ACL lies in the ACL. */
export function toOurs(name: RecordName, value: FactRecord): unknown {
  const ours: Record<string, unknown> = {};
  for (const field of RECORDS[name]) {
    const raw = value[field.name] as FactValue;
    const converted = convert(field.type, raw, NUMBER_LONGS.includes(`${name}.${field.name}`));
    if (name === 'ACL' && field.name === 'id') Object.assign(ours, converted);
    else ours[field.name] = converted;
  }
  return ours;
}

function convert(type: FieldType, value: FactValue, asNumber: boolean): unknown {
  if (value === null) return null;
  switch (type.kind) {
    case 'long':
      return asNumber ? Number(value) : value;
    case 'record':
      return toOurs(type.record, value as FactRecord);
    case 'vector':
      return (value as readonly FactValue[]).map((item) => convert(type.of, item, false));
    default:
      return value;
  }
}
