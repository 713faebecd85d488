import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../../src/protocol/error-codes.js';
import { JuteReader, JuteWriter } from '../../../src/protocol/jute.js';
import { Op, requestPath, type AnyOp } from '../../../src/protocol/op.js';
import { operations, rowByCode } from '../../../src/protocol/operations.js';

const ROWS: readonly (readonly [string, AnyOp])[] = Object.entries(operations);
const byName = (name: string): AnyOp => Object.fromEntries(ROWS)[name] as AnyOp;

/** Names of the rows for which something holds. */
function which(holds: (row: AnyOp) => boolean): string[] {
  return ROWS.filter(([, row]) => holds(row))
    .map(([name]) => name)
    .sort();
}

describe('the table', () => {
  it('has each code once, and finds each row by its code', () => {
    expect(new Set(ROWS.map(([, row]) => row.code)).size).toBe(ROWS.length);
    for (const [, row] of ROWS) expect(rowByCode(row.code)).toBe(row);
    expect([0, 10, 20, -1, -10, 9999].map(rowByCode)).toEqual(Array(6).fill(undefined));
  });

  it.each(ROWS)('%s: the key is the name', (key, row) => {
    expect(row).toBeInstanceOf(Op);
    expect(row.name).toBe(key);
  });

  it('all rows have one shape', () => {
    const shapes = new Set(ROWS.map(([, row]) => Object.keys(row).join()));
    expect(shapes.size).toBe(1);
  });

  it('what changes something', () => {
    expect(which((row) => row.mutates)).toEqual(
      [
        'closeSession',
        'create',
        'create2',
        'createContainer',
        'createTTL',
        'delete',
        'multi',
        'reconfig',
        'setACL',
        'setData',
        // check changes nothing by itself
      ].sort(),
    );
  });

  it('what a read-only server serves: nothing that mutates but the end of the session', () => {
    expect(which((row) => row.readOnlyOk && row.mutates)).toEqual(['closeSession']);
    for (const name of [
      'getData',
      'exists',
      'getChildren',
      'getChildren2',
      'getACL',
      'ping',
      'auth',
      'sasl',
      'setWatches',
      'setWatches2',
      'addWatch',
      'removeWatches',
      'checkWatches',
      'multiRead',
      'whoAmI',
    ]) {
      expect([name, byName(name).readOnlyOk]).toEqual([name, true]);
    }
    for (const name of ['sync', 'multi', 'create', 'setData', 'reconfig']) {
      expect([name, byName(name).readOnlyOk]).toEqual([name, false]);
    }
  });

  it('who issues what', () => {
    expect(which((row) => row.use === 'session')).toEqual([
      'auth',
      'closeSession',
      'ping',
      'sasl',
      'setWatches',
      'setWatches2',
    ]);
    expect(which((row) => row.use === 'method')).toEqual(['addWatch', 'multi', 'multiRead', 'removeWatches']);
    expect(which((row) => row.use === 'multi')).toEqual(['check']);
  });

  it('what is answered out of band', () => {
    expect(which((row) => row.lane === 'control')).toEqual(['auth', 'ping']);
  });

  it('what has a path', () => {
    expect(which((row) => row.pathField === null)).toEqual([
      'auth',
      'closeSession',
      'multi',
      'multiRead',
      'ping',
      'reconfig',
      'sasl',
      'setWatches',
      'setWatches2',
      'whoAmI',
    ]);
    expect(which((row) => row.responsePaths !== null)).toEqual(['getEphemerals']);
    expect(which((row) => row.responsePath !== null)).toEqual([
      'create',
      'create2',
      'createContainer',
      'createTTL',
      'sync',
    ]);
    expect(requestPath(byName('getData'), { path: '/a', watch: false })).toBe('/a');
    expect(requestPath(byName('ping'), {})).toBeUndefined();
  });

  it.each(ROWS)('%s: its path field and rule fit its request', (_name, row) => {
    if (row.pathField === null) {
      expect(row.pathRule).toBeNull();
      return;
    }
    if (row.name === 'getEphemerals') {
      expect([row.pathField, row.pathRule?.({})]).toEqual(['prefixPath', 'prefix']);
      return;
    }
    expect(row.pathField).toBe('path');
    const rules = [0, 1, 2, 3, 4, 5, 6].map((flags) => row.pathRule?.({ path: '/', flags }));
    const sequential = row.name.startsWith('create');
    const plain = row.name === 'delete' ? 'notRoot' : 'node';
    expect(rules).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((flags) => (sequential && [2, 3, 6].includes(flags) ? 'sequential' : plain)),
    );
  });

  it.each(ROWS)('%s: its errors are known and stand once', (_name, row) => {
    for (const name of row.throws) expect(Object.keys(ERROR_CODES)).toContain(name);
    expect(new Set(row.throws).size).toBe(row.throws.length);
  });
});

describe('arming', () => {
  const NO_NODE = -101;
  const NO_AUTH = -102;

  it.each([
    ['getData', 0, 'data'],
    ['getData', NO_NODE, null],
    ['getData', NO_AUTH, null],
    ['exists', 0, 'data'],
    ['exists', NO_NODE, 'exist'],
    ['exists', NO_AUTH, null],
    ['getChildren', 0, 'child'],
    ['getChildren', NO_NODE, null],
    ['getChildren2', 0, 'child'],
    ['getChildren2', NO_NODE, null],
    ['getChildren2', NO_AUTH, null],
  ] as const)('%s answered with %i arms %s', (name, errno, kind) => {
    const row = byName(name);
    expect(row.arms?.({ path: '/a', watch: true }, errno)).toBe(kind);
    expect(row.arms?.({ path: '/a', watch: false }, errno)).toBeNull();
  });

  it.each([
    [0, 0, 'persistent'],
    [1, 0, 'persistentRecursive'],
    [0, -5, null],
  ])('addWatch with mode %i answered with %i arms %s', (mode, errno, kind) => {
    expect(operations.addWatch.arms?.({ path: '/a', mode }, errno)).toBe(kind);
  });

  it('nothing else arms', () => {
    expect(which((row) => row.arms !== null)).toEqual([
      'addWatch',
      'exists',
      'getChildren',
      'getChildren2',
      'getData',
    ]);
  });
});

describe('bytes behind a record', () => {
  const STAT = Buffer.alloc(68);
  const EXTRA = Buffer.from('extra');

  it('are left alone, as a newer server may send them', () => {
    const r = new JuteReader(Buffer.concat([STAT, EXTRA]));
    operations.exists.readResponse(r);
    expect(r.remaining).toBe(EXTRA.length);
  });

  it('null and empty data stay apart through a row', () => {
    for (const data of [null, Buffer.alloc(0)]) {
      const w = new JuteWriter();
      operations.setData.writeRequest(w, { path: '/a', data, version: -1 });
      expect(operations.setData.readRequest(new JuteReader(w.bytes())).data).toEqual(data);
    }
  });

  it('a missing ACL reaches the server, which answers InvalidACL', () => {
    const w = new JuteWriter();
    operations.setACL.writeRequest(w, { path: '/a', acl: null, version: -1 });
    expect(operations.setACL.readRequest(new JuteReader(w.bytes())).acl).toBeNull();
  });
});
