/** Our table of operations, errors and numbers against the fact table. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AddWatchModeCode,
  CREATE_FLAGS,
  EventTypeCode,
  MAX_XID,
  Perms,
  WatcherTypeCode,
  Xid,
} from '../../src/protocol/constants.js';
import { ERROR_CODES } from '../../src/protocol/error-codes.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { operations } from '../../src/protocol/operations.js';
import {
  readConnectRequest,
  readConnectResponse,
  readWatcherEvent,
  writeConnectRequest,
  writeConnectResponse,
  writeReplyHeader,
  writeWatcherEvent,
  type ConnectRequest,
  type ConnectResponse,
  type WatcherEvent,
} from '../../src/protocol/records.js';
import type { JuteWriter } from '../../src/protocol/jute.js';
import { check } from '../support/property.js';
import {
  ADD_WATCH_MODES,
  CREATE_MODES,
  ERRORS,
  ERRORS_WITHOUT_ROW,
  EVENT_TYPES,
  EVENT_TYPES_WITHOUT_CODE,
  MULTI_READ_KINDS,
  MULTI_WRITE_KINDS,
  OPCODES,
  OPCODES_WITHOUT_ROW,
  PERMISSIONS,
  WATCHER_TYPES,
  type RecordName,
} from './facts.js';
import { arbitraryRecord, encodeRecord, primitivesOf, toOurs, type FactRecord } from './fact-values.js';
import {
  arbitraryMultiRequest,
  arbitraryMultiResponse,
  asRead,
  encodeMulti,
  primitivesOfMulti,
  toOurRequest,
  toOurResponse,
} from './multi-values.js';
import { RecordingReader, RecordingWriter } from './recorder.js';

const rows: Readonly<Record<string, AnyOp>> = operations;

function row(name: string): AnyOp {
  const found = rows[name];
  if (found === undefined) throw new Error(`no row ${name}`);
  return found;
}

/** Writes a value with a recording writer; what was written and by which primitives. */
function written(write: (w: RecordingWriter) => void): { bytes: string; primitives: readonly string[] } {
  const w = new RecordingWriter(1);
  write(w);
  return { bytes: w.bytes().toString('hex'), primitives: w.primitives };
}

/** Reads all of some bytes with a recording reader. */
function read(
  bytes: Buffer,
  how: (r: RecordingReader) => unknown,
): { value: unknown; primitives: readonly string[]; left: number } {
  const r = new RecordingReader(bytes);
  const value = how(r);
  return { value, primitives: r.primitives, left: r.remaining };
}

describe('opcodes', () => {
  it('every opcode has a row or a reason why it has none', () => {
    const missing = OPCODES.filter((op) => !(op.name in rows) && !(op.name in OPCODES_WITHOUT_ROW));
    expect(missing).toEqual([]);
  });

  it('an opcode that has a row has no reason to be without', () => {
    expect(Object.keys(OPCODES_WITHOUT_ROW).filter((name) => name in rows)).toEqual([]);
  });

  it('every reason is about an opcode', () => {
    const names = OPCODES.map((op) => op.name);
    expect(Object.keys(OPCODES_WITHOUT_ROW).filter((name) => !names.includes(name))).toEqual([]);
  });

  it('every row is an opcode of ZooKeeper, with its number', () => {
    const facts = Object.fromEntries(OPCODES.map((op) => [op.name, op.code]));
    for (const [name, op] of Object.entries(rows)) {
      expect([name, op.name, op.code]).toEqual([name, name, facts[name]]);
    }
  });

  it('the kinds that a multi takes, and the types of their results', () => {
    const ours = Object.values(rows).filter((op) => op.inMulti === 'write');
    expect(Object.fromEntries(ours.map((op) => [op.name, op.multiResultCode]))).toEqual(MULTI_WRITE_KINDS);
    const reads = Object.values(rows).filter((op) => op.inMulti === 'read');
    expect(Object.fromEntries(reads.map((op) => [op.name, op.multiResultCode]))).toEqual(MULTI_READ_KINDS);
  });
});

describe.each(OPCODES.filter((op) => op.name in rows && op.request !== 'multi'))('row $name', (fact) => {
  const op = row(fact.name);

  function directions(
    record: RecordName | null,
    write: (w: RecordingWriter, value: unknown) => void,
    readBack: (r: RecordingReader) => unknown,
  ): void {
    const values: fc.Arbitrary<FactRecord> = record === null ? fc.constant({}) : arbitraryRecord(record);
    check(
      fc.property(values, (value) => {
        const bytes = record === null ? Buffer.alloc(0) : encodeRecord(record, value);
        const primitives = record === null ? [] : primitivesOf(record, value);
        const ours = record === null ? {} : toOurs(record, value);
        expect(written((w) => write(w, ours))).toEqual({ bytes: bytes.toString('hex'), primitives });
        expect(read(bytes, readBack)).toEqual({ value: ours, primitives, left: 0 });
      }),
      50,
    );
  }

  it('writes and reads the request as the facts say', () => {
    directions(fact.request as RecordName | null, (w, q) => op.writeRequest(w, q), op.readRequest);
  });

  it('writes and reads the response as the facts say', () => {
    directions(fact.response as RecordName | null, (w, p) => op.writeResponse(w, p), op.readResponse);
  });
});

describe.each([
  ['multi', MULTI_WRITE_KINDS],
  ['multiRead', MULTI_READ_KINDS],
])('row %s', (name, kinds) => {
  const op = row(name);

  it('writes and reads requests as the facts say', () => {
    check(
      fc.property(arbitraryMultiRequest('all', Object.keys(kinds)), (parts) => {
        const bytes = encodeMulti(parts);
        const primitives = primitivesOfMulti(parts);
        const ours = toOurRequest(parts, row);
        expect(written((w) => op.writeRequest(w, ours))).toEqual({
          bytes: bytes.toString('hex'),
          primitives,
        });
        expect(read(bytes, op.readRequest)).toEqual({ value: ours, primitives, left: 0 });
      }),
    );
  });

  it('writes and reads responses as the facts say', () => {
    check(
      fc.property(arbitraryMultiResponse('all', kinds), (parts) => {
        const bytes = encodeMulti(parts);
        const primitives = primitivesOfMulti(parts);
        expect(written((w) => op.writeResponse(w, toOurResponse(parts, row)))).toEqual({
          bytes: bytes.toString('hex'),
          primitives,
        });
        expect(read(bytes, op.readResponse)).toEqual({
          value: toOurResponse(asRead(parts), row),
          primitives,
          left: 0,
        });
      }),
    );
  });
});

describe('records outside of the table', () => {
  function bothWays(
    record: RecordName,
    write: (w: JuteWriter, ours: never) => void,
    readBack: (r: RecordingReader) => unknown,
  ): void {
    check(
      fc.property(arbitraryRecord(record), (value) => {
        const bytes = encodeRecord(record, value);
        const primitives = primitivesOf(record, value);
        const ours = toOurs(record, value);
        expect(written((w) => write(w, ours as never))).toEqual({ bytes: bytes.toString('hex'), primitives });
        expect(read(bytes, readBack)).toEqual({ value: ours, primitives, left: 0 });
      }),
    );
  }

  it('ConnectRequest', () => {
    bothWays('ConnectRequest', (w, q: ConnectRequest) => writeConnectRequest(w, q), readConnectRequest);
  });

  it('ConnectResponse', () => {
    bothWays('ConnectResponse', (w, p: ConnectResponse) => writeConnectResponse(w, p), readConnectResponse);
  });

  it('WatcherEvent', () => {
    bothWays('WatcherEvent', (w, e: WatcherEvent) => writeWatcherEvent(w, e), readWatcherEvent);
  });

  it('the handshake may end before the read-only byte, both ways', () => {
    check(
      fc.property(
        arbitraryRecord('ConnectRequest'),
        arbitraryRecord('ConnectResponse'),
        (request, response) => {
          const oldRequest = {
            ...(toOurs('ConnectRequest', request) as ConnectRequest),
            readOnly: undefined,
          };
          const oldResponse = {
            ...(toOurs('ConnectResponse', response) as ConnectResponse),
            readOnly: undefined,
          };
          const requestBytes = encodeRecord('ConnectRequest', request).subarray(0, -1);
          const responseBytes = encodeRecord('ConnectResponse', response).subarray(0, -1);
          expect(written((w) => writeConnectRequest(w, oldRequest)).bytes).toBe(requestBytes.toString('hex'));
          expect(written((w) => writeConnectResponse(w, oldResponse)).bytes).toBe(
            responseBytes.toString('hex'),
          );
          expect(read(requestBytes, readConnectRequest)).toMatchObject({ value: oldRequest, left: 0 });
          expect(read(responseBytes, readConnectResponse)).toMatchObject({ value: oldResponse, left: 0 });
        },
      ),
    );
  });

  it('ReplyHeader', () => {
    check(
      fc.property(arbitraryRecord('ReplyHeader'), (value) => {
        const { xid, zxid, err } = value as { xid: number; zxid: bigint; err: number };
        expect(written((w) => writeReplyHeader(w, xid, zxid, err))).toEqual({
          bytes: encodeRecord('ReplyHeader', value).toString('hex'),
          primitives: primitivesOf('ReplyHeader', value),
        });
      }),
    );
  });
});

describe('numbers', () => {
  it('every error code has a row or a reason why it has none', () => {
    const ours = Object.fromEntries(
      Object.entries(ERROR_CODES).map(([name, code]) => [
        name.toUpperCase().replace(/ERROR$/, ''),
        code.errno,
      ]),
    );
    const facts = Object.fromEntries(
      Object.entries(ERRORS)
        .filter(([name]) => !(name in ERRORS_WITHOUT_ROW))
        .map(([name, errno]) => [name.replace(/ERROR$/, ''), errno]),
    );
    expect(ours).toEqual(facts);
  });

  it('every event type that a server sends has its number', () => {
    const sent = Object.entries(EVENT_TYPES).filter(([name]) => !EVENT_TYPES_WITHOUT_CODE.includes(name));
    expect(EventTypeCode).toEqual(Object.fromEntries(sent));
  });

  it('create modes and permissions', () => {
    expect(CREATE_FLAGS).toEqual(CREATE_MODES);
    expect(Perms).toEqual(PERMISSIONS);
  });

  it('types of watches and modes of addWatch', () => {
    expect(WatcherTypeCode).toEqual(WATCHER_TYPES);
    expect(AddWatchModeCode).toEqual(ADD_WATCH_MODES);
  });

  it('special xids', () => {
    expect(Xid).toEqual({ NOTIFICATION: -1, PING: -2, AUTH: -4 });
    expect(MAX_XID).toBe(2147483647);
  });
});
