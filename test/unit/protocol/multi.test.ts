import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../src/protocol/errors.js';
import { JuteReader, JuteWriter } from '../../../src/protocol/jute.js';
import { readMultiRequest } from '../../../src/protocol/multi.js';
import { operations, rowByCode } from '../../../src/protocol/operations.js';

const END = 'ffffffff01ffffffff';

function reader(hex: string): JuteReader {
  return new JuteReader(Buffer.from(hex, 'hex'));
}

function code(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

describe('multi request', () => {
  it('may be empty', () => {
    const w = new JuteWriter();
    operations.multi.writeRequest(w, { ops: [] });
    expect(w.bytes().toString('hex')).toBe(END);
    expect(operations.multi.readRequest(reader(END))).toEqual({ ops: [] });
  });

  it.each(['exists', 'getData', 'getChildren', 'setACL', 'sync', 'multi', 'ping', 'closeSession'] as const)(
    'refuses %s',
    (name) => {
      const bytes = `${code(operations[name].code)}00ffffffff${'00'.repeat(64)}`;
      expect(() => operations.multi.readRequest(reader(bytes))).toThrow(DecodeError);
    },
  );

  it.each([0, -10, 20, 9999])('refuses the unknown type %i', (type) => {
    expect(() => operations.multi.readRequest(reader(`${code(type)}00ffffffff${'00'.repeat(64)}`))).toThrow(
      DecodeError,
    );
  });

  it('knows reads from writes', () => {
    const read = `${code(4)}00ffffffff000000022f6100${END}`;
    const write = `${code(2)}00ffffffff000000022f61ffffffff${END}`;
    expect(readMultiRequest(reader(read), 'read', rowByCode).ops.map(({ op }) => op.name)).toEqual([
      'getData',
    ]);
    expect(readMultiRequest(reader(write), 'write', rowByCode).ops.map(({ op }) => op.name)).toEqual([
      'delete',
    ]);
    expect(() => readMultiRequest(reader(read), 'write', rowByCode)).toThrow(DecodeError);
    expect(() => readMultiRequest(reader(write), 'read', rowByCode)).toThrow(DecodeError);
  });

  it('that does not end is refused', () => {
    expect(() => operations.multi.readRequest(reader(''))).toThrow(DecodeError);
    expect(() => operations.multi.readRequest(reader(END.slice(0, -2)))).toThrow(DecodeError);
    expect(() => operations.multi.readRequest(reader(`${code(2)}00ffffffff000000022f61ffffffff`))).toThrow(
      DecodeError,
    );
  });
});

describe('multi response', () => {
  const STAT = '00'.repeat(68);

  it('answers createContainer and createTTL in the name of create2', () => {
    const stat = operations.exists.readResponse(reader(STAT)).stat;
    for (const op of [operations.create2, operations.createContainer, operations.createTTL]) {
      const w = new JuteWriter();
      operations.multi.writeResponse(w, { results: [{ errno: 0, op, response: { path: '/a', stat } }] });
      expect(w.bytes().toString('hex')).toBe(`${code(15)}0000000000000000022f61${STAT}${END}`);
      const { results } = operations.multi.readResponse(new JuteReader(w.bytes()));
      expect(results).toEqual([{ errno: 0, op: operations.create2, response: { path: '/a', stat } }]);
    }
  });

  it('after a failure every result is an error, 0 among them', () => {
    const bytes = [0, -101, -2].map((errno) => `ffffffff00${code(errno)}${code(errno)}`).join('') + END;
    const { results } = operations.multi.readResponse(reader(bytes));
    expect(results.map(({ op, errno }) => [op, errno])).toEqual([
      [null, 0],
      [null, -101],
      [null, -2],
    ]);
  });

  it('refuses a result of a type that no multi has', () => {
    for (const type of [0, 3, 7, 14, 20, 9999]) {
      expect(() => operations.multi.readResponse(reader(`${code(type)}0000000000${STAT}${END}`))).toThrow(
        DecodeError,
      );
    }
  });

  it('a delete or check has an empty result, and is told by its type', () => {
    const bytes = `${code(2)}0000000000${code(13)}0000000000${END}`;
    expect(operations.multi.readResponse(reader(bytes)).results).toEqual([
      { errno: 0, op: operations.delete, response: {} },
      { errno: 0, op: operations.check, response: {} },
    ]);
  });
});
