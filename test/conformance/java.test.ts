/**
 * Our codec against ZooKeeper's own Java classes: what we write they parse and write again byte by byte, and what they
 * make up we read. Values come from the fact table, or from Java.
 */
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JuteReader, JuteWriter } from '../../src/protocol/jute.js';
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
import { checkAsync } from '../support/property.js';
import {
  MULTI_READ_KINDS,
  MULTI_WRITE_KINDS,
  OPCODES,
  RECORD_NAMES,
  RECORDS,
  type RecordName,
} from './facts.js';
import { arbitraryRecord, toOurs, type FactRecord } from './fact-values.js';
import { fieldNames, findOracle, fromJson, JavaOracle } from './java-oracle.js';
import {
  arbitraryMultiRequest,
  arbitraryMultiResponse,
  asRead,
  encodeMulti,
  toOurRequest,
  toOurResponse,
  type MultiPart,
} from './multi-values.js';

const found = findOracle();
const missing = 'missing' in found ? found.missing : null;
if (missing !== null && process.env['ZK_REQUIRED'] === '1')
  throw new Error(`ZK_REQUIRED=1, but no oracle: ${missing}`);
if (missing !== null)
  process.stdout.write(`skipped: the comparison with Java's record classes: ${missing}\n`);

const SEEDS = fc.integer({ min: 0, max: 0x7fffffff });
const rows: Readonly<Record<string, AnyOp>> = operations;

interface Codec {
  readonly title: string;
  readonly record: RecordName;
  readonly write: (w: JuteWriter, ours: never) => void;
  /** null: we only ever write it. */
  readonly read: ((r: JuteReader) => unknown) | null;
}

/** Both records of each row, and those outside of the table. */
const CODECS: readonly Codec[] = [
  ...OPCODES.filter((op) => op.name in rows).flatMap(({ name, request, response }): Codec[] => {
    const op = row(name);
    const codecs: Codec[] = [];
    if (request !== null && request !== 'multi')
      codecs.push({
        title: `${name} request`,
        record: request,
        write: op.writeRequest,
        read: op.readRequest,
      });
    if (response !== null && response !== 'multi')
      codecs.push({
        title: `${name} response`,
        record: response,
        write: op.writeResponse,
        read: op.readResponse,
      });
    return codecs;
  }),
  {
    title: 'handshake request',
    record: 'ConnectRequest',
    write: (w, q: ConnectRequest) => writeConnectRequest(w, q),
    read: readConnectRequest,
  },
  {
    title: 'handshake response',
    record: 'ConnectResponse',
    write: (w, p: ConnectResponse) => writeConnectResponse(w, p),
    read: readConnectResponse,
  },
  {
    title: 'notification',
    record: 'WatcherEvent',
    write: (w, e: WatcherEvent) => writeWatcherEvent(w, e),
    read: readWatcherEvent,
  },
  {
    title: 'reply',
    record: 'ReplyHeader',
    write: (w, h: { xid: number; zxid: bigint; err: number }) => writeReplyHeader(w, h.xid, h.zxid, h.err),
    read: null,
  },
];

function row(name: string): AnyOp {
  const op = rows[name];
  if (op === undefined) throw new Error(`no row ${name}`);
  return op;
}

function bytesOf(write: (w: JuteWriter) => void): Buffer {
  const w = new JuteWriter(1);
  write(w);
  return w.bytes();
}

/** Records whose last field Java's classes have since 3.9 only; it is optional on the wire. */
const GREW_A_BYTE: readonly RecordName[] = ['ConnectRequest', 'ConnectResponse'];

describe.skipIf(missing !== null)(
  `Java's record classes${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    let oracle: JavaOracle;
    const javaFields = new Map<RecordName, readonly string[]>();

    beforeAll(async () => {
      oracle = new JavaOracle('missing' in found ? '' : found.classpath);
      for (const record of RECORD_NAMES) {
        javaFields.set(record, fieldNames((await oracle.make(record, 0)).json));
      }
    });

    afterAll(async () => {
      await oracle.close();
    });

    /** A random value without a trailing field that this version of Java does not have. */
    function values(record: RecordName): fc.Arbitrary<FactRecord> {
      const names = javaFields.get(record) ?? [];
      return arbitraryRecord(record, 'bmp').map((value) =>
        Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name))),
      );
    }

    it.each(RECORD_NAMES)('the facts about %s are so', (record) => {
      const facts = RECORDS[record].map((field) => field.name);
      const java = javaFields.get(record);
      const short = GREW_A_BYTE.includes(record) && java?.length === facts.length - 1;
      expect(java).toEqual(short ? facts.slice(0, -1) : facts);
    });

    it.each(CODECS)('$title: Java parses what we write and writes the same', async ({ record, write }) => {
      await checkAsync(
        fc.asyncProperty(values(record), async (value) => {
          const ours = bytesOf((w) => write(w, toOurs(record, value) as never));
          const java = await oracle.parse(record, ours);
          expect(fromJson(record, java.json)).toEqual(value);
          expect(java.bytes.toString('hex')).toBe(ours.toString('hex'));
        }),
        40,
      );
    });

    it.each(CODECS.filter((codec) => codec.read !== null))(
      '$title: we read what Java makes',
      async (codec) => {
        await checkAsync(
          fc.asyncProperty(SEEDS, async (seed) => {
            const java = await oracle.make(codec.record, seed);
            const r = new JuteReader(java.bytes);
            const value = codec.read?.(r);
            expect(value).toEqual(toOurs(codec.record, fromJson(codec.record, java.json)));
            expect(r.remaining).toBe(0);
            expect(bytesOf((w) => codec.write(w, value as never)).toString('hex')).toBe(
              java.bytes.toString('hex'),
            );
          }),
          40,
        );
      },
    );

    describe('multi', () => {
      /** Java tells a create by its flags alone, so that each kind gets flags of its own; 3.9 insists on an ACL. */
      function asJavaKnowsIt(parts: readonly MultiPart[]): readonly MultiPart[] {
        return parts.map((part) => {
          const { flags, acl } = part.value;
          if (typeof flags !== 'number') return part;
          const mode = Math.abs(flags % 2) + (part.op === 'createTTL' ? 5 : 0);
          const value = { ...part.value, acl: acl ?? [], flags: part.op === 'createContainer' ? 4 : mode };
          return { ...part, value };
        });
      }

      /** `Op` of Java 3.8 has no create2: it parses one and writes it as a create. That of 3.9 has. */
      function asJavaWrites(parts: readonly MultiPart[], create2: number | undefined): readonly MultiPart[] {
        if (create2 === 15) return parts;
        expect(create2).toBe(1);
        return parts.map((part) => (part.type === 15 ? { ...part, type: 1, op: 'create' } : part));
      }

      /** Which type Java gives to a create2 that it has parsed. */
      async function typeOfCreate2(): Promise<number | undefined> {
        const value = { path: '/a', data: null, acl: [], flags: 0 };
        const part: MultiPart = { type: 15, err: -1, op: 'create2', record: 'CreateRequest', value };
        const { json } = await oracle.parse('MultiOperationRecord', encodeMulti([part]));
        return (json as { type: number }[])[0]?.type;
      }

      function partsFromJson(
        json: unknown,
        kindOf: (type: number) => Omit<MultiPart, 'value' | 'type'>,
      ): MultiPart[] {
        return (json as { type: number; value: unknown }[]).map(({ type, value }) => {
          const kind = kindOf(type);
          const fields = kind.record === null ? {} : fromJson(kind.record, value);
          return { ...kind, type, err: type === -1 ? Number(fields['err']) : kind.err, value: fields };
        });
      }

      function requestKind(type: number): Omit<MultiPart, 'value' | 'type'> {
        const fact = OPCODES.find((op) => op.code === type);
        if (fact?.request === undefined || fact.request === 'multi')
          throw new Error(`type ${type} in a multi`);
        return { err: -1, op: fact.name, record: fact.request };
      }

      function resultKind(type: number): Omit<MultiPart, 'value' | 'type'> {
        const fact = OPCODES.find((op) => op.code === type);
        if (fact?.response === undefined || fact.response === 'multi')
          throw new Error(`type ${type} in a multi`);
        return { err: 0, op: type === -1 ? null : fact.name, record: fact.response };
      }

      it('Java parses the requests that we write and writes the same', async () => {
        const seen = new Set<string | null>();
        const create2 = await typeOfCreate2();
        await checkAsync(
          fc.asyncProperty(arbitraryMultiRequest('bmp'), async (some) => {
            const parts = asJavaKnowsIt(some);
            const ours = bytesOf((w) => operations.multi.writeRequest(w, toOurRequest(parts, row)));
            expect(ours.toString('hex')).toBe(encodeMulti(parts).toString('hex'));
            const java = await oracle.parse('MultiOperationRecord', ours);
            const wanted = asJavaWrites(parts, create2);
            expect(partsFromJson(java.json, requestKind)).toEqual(wanted);
            expect(java.bytes.toString('hex')).toBe(encodeMulti(wanted).toString('hex'));
            for (const part of parts) seen.add(part.op);
          }),
          150,
        );
        if (process.env['ZK_RUNS'] === undefined)
          expect([...seen].sort()).toEqual(Object.keys(MULTI_WRITE_KINDS).sort());
      });

      it('we read the requests that Java makes', async () => {
        await checkAsync(
          fc.asyncProperty(SEEDS, async (seed) => {
            const java = await oracle.make('MultiOperationRecord', seed);
            const r = new JuteReader(java.bytes);
            const value = operations.multi.readRequest(r);
            expect(value).toEqual(toOurRequest(partsFromJson(java.json, requestKind), row));
            expect(r.remaining).toBe(0);
          }),
          150,
        );
      });

      it('Java parses the responses that we write and writes the same', async () => {
        await checkAsync(
          fc.asyncProperty(arbitraryMultiResponse('bmp'), async (parts) => {
            const ours = bytesOf((w) => operations.multi.writeResponse(w, toOurResponse(parts, row)));
            const java = await oracle.parse('MultiResponse', ours);
            expect(partsFromJson(java.json, resultKind)).toEqual(asRead(parts));
            expect(java.bytes.toString('hex')).toBe(ours.toString('hex'));
          }),
          150,
        );
      });

      it('we read the responses that Java makes', async () => {
        await checkAsync(
          fc.asyncProperty(SEEDS, async (seed) => {
            const java = await oracle.make('MultiResponse', seed);
            const r = new JuteReader(java.bytes);
            const value = operations.multi.readResponse(r);
            expect(value).toEqual(toOurResponse(partsFromJson(java.json, resultKind), row));
            expect(r.remaining).toBe(0);
          }),
          150,
        );
      });

      describe('multiRead', () => {
        const KINDS = Object.keys(MULTI_READ_KINDS);

        it('Java parses the requests that we write and writes the same', async () => {
          await checkAsync(
            fc.asyncProperty(arbitraryMultiRequest('bmp', KINDS), async (some) => {
              // Java drops the flag
              const parts = some.map((part) => ({ ...part, value: { ...part.value, watch: false } }));
              const ours = bytesOf((w) => operations.multiRead.writeRequest(w, toOurRequest(parts, row)));
              const java = await oracle.parse('MultiOperationRecord', ours);
              expect(partsFromJson(java.json, requestKind)).toEqual(parts);
              expect(java.bytes.toString('hex')).toBe(ours.toString('hex'));
            }),
            80,
          );
        });

        it('Java parses the responses that we write and writes the same', async () => {
          await checkAsync(
            fc.asyncProperty(arbitraryMultiResponse('bmp', MULTI_READ_KINDS), async (parts) => {
              const ours = bytesOf((w) => operations.multiRead.writeResponse(w, toOurResponse(parts, row)));
              const java = await oracle.parse('MultiResponse', ours);
              expect(partsFromJson(java.json, resultKind)).toEqual(parts);
              expect(java.bytes.toString('hex')).toBe(ours.toString('hex'));
            }),
            80,
          );
        });

        it('we read what Java makes', async () => {
          await checkAsync(
            fc.asyncProperty(SEEDS, async (seed) => {
              const request = await oracle.make('MultiReadRecord', seed);
              expect(operations.multiRead.readRequest(new JuteReader(request.bytes))).toEqual(
                toOurRequest(partsFromJson(request.json, requestKind), row),
              );
              const response = await oracle.make('MultiReadResponse', seed);
              expect(operations.multiRead.readResponse(new JuteReader(response.bytes))).toEqual(
                toOurResponse(partsFromJson(response.json, resultKind), row),
              );
            }),
            80,
          );
        });
      });
    });
  },
);
