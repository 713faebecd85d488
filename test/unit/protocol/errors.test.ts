import { describe, expect, it } from 'vitest';
import { Errno, ERROR_CODES, errorName, type ErrorName } from '../../../src/protocol/error-codes.js';
import * as errors from '../../../src/protocol/errors.js';

const { keeperError, KeeperError, MultiError, SessionError, ConnectionError, ZkError } = errors;

const NAMES = Object.keys(ERROR_CODES) as ErrorName[];

/** Rows that are not the server's no to one request, and the family they belong to. */
const OTHER_FAMILIES: Partial<Record<ErrorName, typeof ZkError>> = {
  SessionExpired: SessionError,
  SessionMoved: SessionError,
  AuthFailed: SessionError,
  RequestTimeout: ConnectionError,
};

describe('ERROR_CODES', () => {
  it('numbers and codes are unique', () => {
    const rows = Object.values(ERROR_CODES);
    expect(new Set(rows.map((row) => row.errno)).size).toBe(rows.length);
    expect(new Set(rows.map((row) => row.code)).size).toBe(rows.length);
  });

  it.each(NAMES)('%s is found by its number', (name) => {
    expect(errorName(ERROR_CODES[name].errno)).toBe(name);
    expect(Errno[name]).toBe(ERROR_CODES[name].errno);
    expect(ERROR_CODES[name].code).toMatch(/^ZK_[A-Z_]+$/);
  });

  it('other numbers have no name', () => {
    expect([0, 1, -4, -100, -126, 9999].map(errorName)).toEqual(Array(6).fill(undefined));
  });
});

describe('keeperError', () => {
  it.each(NAMES)('%s has a class of its own', (name) => {
    const className = name.endsWith('Error') ? name : `${name}Error`;
    const exported = (errors as unknown as Record<string, new (...args: never[]) => Error>)[className];
    expect(exported).toBeTypeOf('function');
    const error = keeperError(ERROR_CODES[name].errno, { op: 'getData', path: '/a', outcome: 'rejected' });
    expect(error).toBeInstanceOf(exported);
    expect(error.constructor).toBe(exported);
    expect(error).toBeInstanceOf(OTHER_FAMILIES[name] ?? KeeperError);
    expect(error).toBeInstanceOf(ZkError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: className,
      code: ERROR_CODES[name].code,
      errno: ERROR_CODES[name].errno,
      op: 'getData',
      path: '/a',
      outcome: 'rejected',
      retryable: ERROR_CODES[name].retryable,
    });
    expect(error.message.startsWith('getData /a: ')).toBe(true);
  });

  it.each([
    ['getData', 'the node does not exist'],
    ['delete', 'the node does not exist'],
    ['create', 'the parent of the node does not exist'],
    ['createTTL', 'the parent of the node does not exist'],
    ['multi[1].create2', 'the parent of the node does not exist'],
    ['multi[1].check', 'the node does not exist'],
    [undefined, 'the node does not exist, or the parent of the one to create'],
  ])('NoNode of %s says which node', (op, text) => {
    const error = keeperError(Errno.NoNode, { op, path: '/a/b', outcome: 'rejected' });
    expect(error.message).toBe(`${op === undefined ? '' : `${op} /a/b: `}${text} (NoNode)`);
  });

  it('no class serves two codes', () => {
    const classes = NAMES.map(
      (name) => keeperError(ERROR_CODES[name].errno, { outcome: 'rejected' }).constructor,
    );
    expect(new Set(classes).size).toBe(NAMES.length);
    expect(classes).not.toContain(KeeperError);
  });

  it.each([9999, -9999, -126, 1])('%i, which nobody knows, is a plain KeeperError [B1]', (errno) => {
    const error = keeperError(errno, { op: 'sync', path: '/a', outcome: 'rejected' });
    expect(error.constructor).toBe(KeeperError);
    expect(error).toMatchObject({
      name: 'KeeperError',
      code: `ZK_ERR_${errno}`,
      errno,
      outcome: 'rejected',
      retryable: false,
    });
  });
});

describe('ZkError', () => {
  it('carries its cause, and has none unless it is given', () => {
    const cause = new Error('why');
    expect(keeperError(-101, { outcome: 'rejected', cause }).cause).toBe(cause);
    expect('cause' in keeperError(-101, { outcome: 'rejected' })).toBe(false);
  });

  it('names the operation alone where there is no path', () => {
    expect(keeperError(-101, { op: 'sync', outcome: 'rejected' }).message.startsWith('sync: ')).toBe(true);
  });

  it('the brand survives a second copy of the package, and nothing else has it', () => {
    class ForeignZkError extends Error {
      constructor() {
        super('from another copy');
        Object.defineProperty(this, Symbol.for('zk-conn/ZkError'), { value: true });
      }
    }
    const foreign = new ForeignZkError();
    expect(foreign instanceof ZkError).toBe(false);
    expect(ZkError.is(foreign)).toBe(true);
    expect(ZkError.is(keeperError(-101, { outcome: 'rejected' }))).toBe(true);
    for (const other of [new Error('x'), null, undefined, 'ZK_NO_NODE', { code: 'ZK_NO_NODE' }, 0]) {
      expect(ZkError.is(other)).toBe(false);
    }
  });

  it('the brand does not show when an error is listed or copied', () => {
    const error = keeperError(-101, { outcome: 'rejected' });
    expect(Object.getOwnPropertySymbols(Object.assign({}, error))).toEqual([]);
  });
});

describe('outcome', () => {
  const fields = { op: 'create', path: '/a' };

  it('of the families', () => {
    expect(new errors.DecodeError('x').outcome).toBe('unknown');
    expect(new errors.FrameTooLargeError(-1, 5).outcome).toBe('unknown');
    expect(new errors.XidMismatchError(1, 2).outcome).toBe('unknown');
    expect(new errors.ReadTimeoutError(5).outcome).toBe('unknown');
    expect(new errors.HandshakeError('x').outcome).toBe('not-sent');
    expect(new errors.NoServerError('x').outcome).toBe('not-sent');
    expect(new errors.ConnectTimeoutError('x').outcome).toBe('not-sent');
    expect(new errors.InvalidArgumentError('x', fields).outcome).toBe('not-sent');
    expect(new errors.InvalidOptionError('x').outcome).toBe('not-sent');
    expect(new errors.InvalidConnectStringError('x').outcome).toBe('not-sent');
    expect(new errors.RequestTooLargeError(2, 1, fields).outcome).toBe('not-sent');
  });

  it('a usage error was never sent, whatever it is told', () => {
    expect(new errors.InvalidPathError('x', { outcome: 'unknown' }).outcome).toBe('not-sent');
  });

  it.each(['not-sent', 'unknown'] as const)('a lost connection may be %s, and says so', (outcome) => {
    const error = new errors.ConnectionLossError({ ...fields, outcome });
    expect(error).toMatchObject({ outcome, code: 'ZK_CONNECTION_LOSS', errno: -4, retryable: true });
    const other = outcome === 'unknown' ? 'not-sent' : 'unknown';
    expect(error.message).not.toBe(new errors.ConnectionLossError({ ...fields, outcome: other }).message);
  });

  it.each(['not-sent', 'unknown'] as const)('a timeout may be %s, and says so', (outcome) => {
    const error = new errors.RequestTimeoutError({ ...fields, outcome });
    expect(error).toMatchObject({ outcome, code: 'ZK_REQUEST_TIMEOUT', errno: -122, retryable: true });
    const other = outcome === 'unknown' ? 'not-sent' : 'unknown';
    expect(error.message).not.toBe(new errors.RequestTimeoutError({ ...fields, outcome: other }).message);
  });
});

describe('every class', () => {
  it('has its own name, which minifiers aside is what users see', () => {
    const classes = Object.entries(errors).filter(([name]) => /Error$/.test(name) && name !== 'keeperError');
    expect(classes.length).toBeGreaterThan(40);
    for (const [name, value] of classes) expect((value as { name: string }).name).toBe(name);
  });

  it('belongs to one of the six families', () => {
    const families = [
      'KeeperError',
      'ConnectionError',
      'SessionError',
      'ProtocolError',
      'CommandError',
      'UsageError',
    ] as const;
    const classes = Object.entries(errors).filter(
      ([name]) => /Error$/.test(name) && !/^(keeper|Zk)Error$/.test(name),
    );
    for (const [name, value] of classes) {
      const family = families.filter(
        (f) => value === errors[f] || (value as typeof ZkError).prototype instanceof errors[f],
      );
      expect([name, family.length]).toEqual([name, 1]);
    }
  });
});

describe('MultiError', () => {
  const results = [
    { op: 'create', path: '/a', errno: 0 },
    { op: 'delete', path: '/b', errno: -101 },
    { op: 'check', path: '/c', errno: -2 },
  ];

  it('has the number and code of the operation that failed, its index, and that error as its cause', () => {
    const error = new MultiError(1, results);
    expect(error).toBeInstanceOf(KeeperError);
    expect(error).toMatchObject({
      name: 'MultiError',
      index: 1,
      errno: -101,
      code: 'ZK_NO_NODE',
      op: 'multi[1].delete',
      path: '/b',
      outcome: 'rejected',
      retryable: false,
    });
    expect(error.results).toBe(results);
    expect(error.cause).toBeInstanceOf(errors.NoNodeError);
    expect(error.cause).toMatchObject({ op: 'delete', path: '/b' });
  });

  it('is retryable if its operation is', () => {
    expect(new MultiError(0, [{ op: 'create', path: '/a', errno: -127 }]).retryable).toBe(true);
  });

  it('bears a code that nobody knows', () => {
    expect(new MultiError(0, [{ op: 'create', path: '/a', errno: -999 }])).toMatchObject({
      code: 'ZK_ERR_-999',
    });
  });
});
