/** Reading what was written gives the same value, writing what was read gives the same bytes: every row, both records. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { operations } from '../../src/protocol/operations.js';
import { MULTI_READ_KINDS, MULTI_WRITE_KINDS, OPCODES } from '../conformance/facts.js';
import { arbitraryRecord, toOurs } from '../conformance/fact-values.js';
import {
  arbitraryMultiRequest,
  arbitraryMultiResponse,
  asRead,
  toOurRequest,
  toOurResponse,
} from '../conformance/multi-values.js';
import { check } from '../support/property.js';

const rows: Readonly<Record<string, AnyOp>> = operations;

function row(name: string): AnyOp {
  const op = rows[name];
  if (op === undefined) throw new Error(`no row ${name}`);
  return op;
}

function values(op: AnyOp, which: 'request' | 'response'): fc.Arbitrary<unknown> {
  const fact = OPCODES.find((known) => known.code === op.code);
  const record = fact?.[which];
  if (record === undefined) throw new Error(`no facts about ${op.name}`);
  if (record === null) return fc.constant({});
  if (record !== 'multi') return arbitraryRecord(record).map((value) => toOurs(record, value));
  const kinds = op === operations.multiRead ? MULTI_READ_KINDS : MULTI_WRITE_KINDS;
  return which === 'request'
    ? arbitraryMultiRequest('all', Object.keys(kinds)).map((parts) => toOurRequest(parts, row))
    : arbitraryMultiResponse('all', kinds).map((parts) => toOurResponse(asRead(parts), row));
}

function write(how: (w: JuteWriter, value: unknown) => void, value: unknown): Buffer {
  const w = new JuteWriter(8);
  how(w, value);
  return w.bytes();
}

describe.each(Object.values(rows))('row $name', (op) => {
  const DIRECTIONS = [
    ['request', op.writeRequest, op.readRequest],
    ['response', op.writeResponse, op.readResponse],
  ] as const;

  it.each(DIRECTIONS)('%s: read(write(x)) = x, and all bytes are used', (which, writeIt, readIt) => {
    check(
      fc.property(values(op, which), (value) => {
        const r = new JuteReader(write(writeIt, value));
        expect(readIt(r)).toEqual(value);
        expect(r.remaining).toBe(0);
      }),
    );
  });

  it.each(DIRECTIONS)('%s: write(read(b)) = b', (which, writeIt, readIt) => {
    check(
      fc.property(values(op, which), (value) => {
        const bytes = write(writeIt, value);
        expect(write(writeIt, readIt(new JuteReader(bytes)))).toEqual(bytes);
      }),
    );
  });

  it.each(DIRECTIONS)(
    '%s: the same out of the middle of a chunk, shared or owned',
    (which, writeIt, readIt) => {
      check(
        fc.property(values(op, which), fc.nat(9), fc.nat(9), fc.boolean(), (value, before, after, owned) => {
          const bytes = write(writeIt, value);
          const chunk = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(after, 0xff)]);
          const r = new JuteReader();
          r.reset(chunk, before, before + bytes.length, owned);
          const read = readIt(r);
          if (!owned) chunk.fill(0);
          expect(read).toEqual(value);
        }),
        50,
      );
    },
  );
});
