/**
 * Bytes that no honest peer sends: every reader either makes a value of them that is no larger than they are, or
 * throws a DecodeError.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../src/protocol/errors.js';
import { JuteReader } from '../../src/protocol/jute.js';
import { Op, type AnyOp } from '../../src/protocol/op.js';
import { operations } from '../../src/protocol/operations.js';
import {
  readAcl,
  readConnectRequest,
  readConnectResponse,
  readStat,
  readWatcherEvent,
} from '../../src/protocol/records.js';
import { OPCODES, type RecordName } from '../conformance/facts.js';
import { arbitraryRecord, encodeRecord, int } from '../conformance/fact-values.js';
import { arbitraryMultiRequest, arbitraryMultiResponse, encodeMulti } from '../conformance/multi-values.js';
import { check } from '../support/property.js';

interface Reader {
  readonly name: string;
  readonly read: (r: JuteReader) => unknown;
  /** Valid bytes, to be spoilt. */
  readonly valid: fc.Arbitrary<Buffer>;
}

function bytesOf(record: RecordName | 'multi' | null, multi: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  if (record === null) return fc.constant(Buffer.alloc(0));
  return record === 'multi' ? multi : arbitraryRecord(record).map((value) => encodeRecord(record, value));
}

const READERS: readonly Reader[] = [
  ...Object.values(operations as Readonly<Record<string, AnyOp>>).flatMap((op): Reader[] => {
    const fact = OPCODES.find((known) => known.code === op.code);
    if (fact === undefined) throw new Error(`no facts about ${op.name}`);
    return [
      {
        name: `${op.name} request`,
        read: op.readRequest,
        valid: bytesOf(fact.request, arbitraryMultiRequest().map(encodeMulti)),
      },
      {
        name: `${op.name} response`,
        read: op.readResponse,
        valid: bytesOf(fact.response, arbitraryMultiResponse().map(encodeMulti)),
      },
    ];
  }),
  {
    name: 'ConnectRequest',
    read: readConnectRequest,
    valid: bytesOf('ConnectRequest', fc.constant(Buffer.alloc(0))),
  },
  {
    name: 'ConnectResponse',
    read: readConnectResponse,
    valid: bytesOf('ConnectResponse', fc.constant(Buffer.alloc(0))),
  },
  {
    name: 'WatcherEvent',
    read: readWatcherEvent,
    valid: bytesOf('WatcherEvent', fc.constant(Buffer.alloc(0))),
  },
  { name: 'Stat', read: readStat, valid: bytesOf('Stat', fc.constant(Buffer.alloc(0))) },
  { name: 'ACL', read: readAcl, valid: bytesOf('ACL', fc.constant(Buffer.alloc(0))) },
];

/** Bytes of a value, counting nothing twice and everything that grows with what a length says. */
function weight(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof Uint8Array) return value.byteLength;
  if (value instanceof Op) return 0;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + 1 + weight(item), 0);
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).reduce((sum: number, item) => sum + weight(item), 0);
  }
  return 0;
}

function bear(reader: Reader, bytes: Buffer): void {
  for (const owned of [false, true]) {
    const r = new JuteReader();
    r.reset(bytes, 0, bytes.length, owned);
    let value: unknown;
    try {
      value = reader.read(r);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      expect(error.code).toBe('ZK_DECODE');
      continue;
    }
    expect(weight(value)).toBeLessThanOrEqual(bytes.length);
    expect(r.pos).toBeLessThanOrEqual(r.end);
    expect(r.end).toBe(bytes.length);
  }
}

const TELLING_INT = fc
  .constantFrom(-1, -2, 0, 1, 2, 4, 5, 13, 14, 15, 21, 0x7fffffff, -0x80000000, 0x10000000, 0xffff)
  .map(int);
const ANYTHING = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(
      fc.oneof(
        TELLING_INT,
        fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
      ),
      { maxLength: 40 },
    )
    .map((parts) => Buffer.concat(parts)),
);

describe.each(READERS)('$name', (reader) => {
  it('bears anything [B1]', () => {
    check(
      fc.property(ANYTHING, (bytes) => bear(reader, bytes)),
      300,
    );
  });

  it('bears every cut of what is valid', () => {
    check(
      fc.property(reader.valid, (valid) => {
        for (let length = 0; length < valid.length; length++) bear(reader, valid.subarray(0, length));
      }),
      20,
    );
  });

  it('bears a number in the place of any other', () => {
    check(
      fc.property(reader.valid, fc.nat(), TELLING_INT, (valid, somewhere, other) => {
        const spoilt = Buffer.from(valid);
        other.copy(spoilt, somewhere % (spoilt.length + 1));
        bear(reader, spoilt);
      }),
    );
  });
});

describe('lengths', () => {
  it('a count of 2^31 - 1 is refused without a single element being read', () => {
    const bytes = Buffer.concat([int(0x7fffffff), Buffer.alloc(100_000)]);
    for (const read of [operations.getChildren.readResponse, operations.getACL.readResponse]) {
      const r = new JuteReader(bytes);
      expect(() => read(r)).toThrow(DecodeError);
      expect(r.pos).toBe(4);
    }
  });
});
