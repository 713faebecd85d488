/** Random multis in terms of the facts: their bytes, their primitives, and their shape in our own interfaces. */
import * as fc from 'fast-check';
import type { MultiRequest, MultiResponse } from '../../src/protocol/multi.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { MULTI_WRITE_KINDS, OPCODES, type RecordName } from './facts.js';
import {
  arbitraryRecord,
  encodeRecord,
  int,
  primitivesOf,
  toOurs,
  type FactRecord,
  type Texts,
} from './fact-values.js';

/** One element of a multi: a header, and a record or nothing behind it. */
export interface MultiPart {
  readonly type: number;
  /** `err` of the header. */
  readonly err: number;
  /** Row that it belongs to; null for an error. */
  readonly op: string | null;
  readonly record: RecordName | null;
  readonly value: FactRecord;
}

function fact(name: string): (typeof OPCODES)[number] {
  const found = OPCODES.find((op) => op.name === name);
  if (found === undefined) throw new Error(`no fact about ${name}`);
  return found;
}

/** @param kinds names of the operations that may stand in it */
export function arbitraryMultiRequest(
  texts: Texts = 'all',
  kinds: readonly string[] = Object.keys(MULTI_WRITE_KINDS),
): fc.Arbitrary<readonly MultiPart[]> {
  const parts = kinds.map((name) => {
    const { code, request } = fact(name);
    if (request === null || request === 'multi') throw new Error(`${name} in a multi`);
    return arbitraryRecord(request, texts).map((value) => ({
      type: code,
      err: -1,
      op: name,
      record: request,
      value,
    }));
  });
  return fc.array(fc.oneof(...parts), { maxLength: 6 });
}

export function arbitraryMultiResponse(
  texts: Texts = 'all',
  kinds: Readonly<Record<string, number>> = MULTI_WRITE_KINDS,
): fc.Arbitrary<readonly MultiPart[]> {
  const results = Object.entries(kinds).map(([name, type]) => {
    const record = fact(name).response;
    if (record === 'multi') throw new Error(`${name} in a multi`);
    const value = record === null ? fc.constant({}) : arbitraryRecord(record, texts);
    return value.map((v) => ({ type, err: 0, op: name, record, value: v }) satisfies MultiPart as MultiPart);
  });
  const failure = fc
    .constantFrom(0, -2, -101, -103, -110)
    .map((err): MultiPart => ({ type: -1, err, op: null, record: 'ErrorResponse', value: { err } }));
  return fc.oneof(
    fc.array(fc.oneof(...results), { maxLength: 6 }),
    fc.array(failure, { maxLength: 6 }),
    fc.array(fc.oneof(failure, ...results), { maxLength: 6 }),
  );
}

const HEADER = ['int', 'boolean', 'int'];

export function encodeMulti(parts: readonly MultiPart[]): Buffer {
  const bytes = parts.map((part) =>
    Buffer.concat([
      encodeRecord('MultiHeader', { type: part.type, done: false, err: part.err }),
      part.record === null ? Buffer.alloc(0) : encodeRecord(part.record, part.value),
    ]),
  );
  return Buffer.concat([...bytes, int(-1), Buffer.of(1), int(-1)]);
}

export function primitivesOfMulti(parts: readonly MultiPart[]): string[] {
  const primitives = parts.flatMap((part) => [
    ...HEADER,
    ...(part.record === null ? [] : primitivesOf(part.record, part.value)),
  ]);
  return [...primitives, ...HEADER];
}

/** @param row finds a row by its name */
export function toOurRequest(parts: readonly MultiPart[], row: (name: string) => AnyOp): MultiRequest {
  return {
    ops: parts.map((part) => ({
      op: row(part.op as string),
      request: toOurs(part.record as RecordName, part.value),
    })),
  };
}

/** The response as the writer of a server gives it. */
export function toOurResponse(parts: readonly MultiPart[], row: (name: string) => AnyOp): MultiResponse {
  return {
    results: parts.map((part) =>
      part.op === null
        ? { errno: part.err, op: null, response: null }
        : {
            errno: 0,
            op: row(part.op),
            response: part.record === null ? {} : toOurs(part.record, part.value),
          },
    ),
  };
}

/** The response as a reader sees it, who cannot tell create2 from the two that are answered in its name. */
export function asRead(parts: readonly MultiPart[]): readonly MultiPart[] {
  return parts.map((part) => (part.type === 15 ? { ...part, op: 'create2' } : part));
}
