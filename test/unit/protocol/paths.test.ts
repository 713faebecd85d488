import { describe, expect, it } from 'vitest';
import { InvalidPathError } from '../../../src/protocol/errors.js';
import {
  addChroot,
  baseName,
  joinPath,
  normalizeChroot,
  parentPath,
  pathProblem,
  sequenceOf,
  stripChroot,
  validatePath,
} from '../../../src/protocol/paths.js';

/** What Java's `PathUtils.validatePath` says about each; null: it is fine. */
const JAVA: readonly (readonly [string, string | null])[] = [
  ['/', null],
  ['/a', null],
  ['/a/b/c', null],
  ['/this is / a valid/path', null],
  ['/name..with/dots...', null],
  ['/.x/..y/x./y../...', null],
  ['/name\u0020\u007e\u00a0\ud7ff\uf900\uffef', null],
  ['', 'Path length must be > 0'],
  ['a', 'Path must start with / character'],
  ['a/b', 'Path must start with / character'],
  ['/a/', 'Path must not end with / character'],
  ['//', 'Path must not end with / character'],
  ['/./', 'Path must not end with / character'],
  ['//a', 'empty node name specified @1'],
  ['/a//b', 'empty node name specified @3'],
  ['/a///b', 'empty node name specified @3'],
  ['/.', 'relative paths not allowed @1'],
  ['/..', 'relative paths not allowed @2'],
  ['/a/./b', 'relative paths not allowed @3'],
  ['/a/../b', 'relative paths not allowed @4'],
  ['/a/b/.', 'relative paths not allowed @5'],
  ['/a/b/..', 'relative paths not allowed @6'],
  ['/\0', 'null character not allowed @1'],
  ['/a\0b', 'null character not allowed @2'],
  ['/a\u0001', 'invalid character @2'],
  ['/a\u001f', 'invalid character @2'],
  ['/a\u007f', 'invalid character @2'],
  ['/a\u009f', 'invalid character @2'],
  ['/a\ud800', 'invalid character @2'],
  ['/a\u{1f600}', 'invalid character @2'],
  ['/a\uf8ff', 'invalid character @2'],
  ['/a\ufff0', 'invalid character @2'],
  ['/a\uffff', 'invalid character @2'],
  ['/a/./\0', 'relative paths not allowed @3'],
  ['/a\0/./b', 'null character not allowed @2'],
  ['/\u0001//', 'Path must not end with / character'],
];

describe('validatePath', () => {
  it.each(JAVA)('%j: %s', (path, problem) => {
    const said = pathProblem(path);
    if (problem === null) {
      expect(said).toBeNull();
      expect(() => validatePath(path)).not.toThrow();
      return;
    }
    expect(said?.replace(/^Invalid path string .* caused by /s, '')).toBe(problem);
    expect(() => validatePath(path)).toThrow(InvalidPathError);
  });

  it('checks a sequential path with a digit at its end', () => {
    for (const path of ['/', '/a/', '/.', '/..', '/a/..']) {
      expect(() => validatePath(path, 'sequential')).not.toThrow();
    }
    for (const path of ['', 'a', '//', '/a//', '/./', '/a\0']) {
      expect(() => validatePath(path, 'sequential')).toThrow(InvalidPathError);
    }
  });

  it('refuses the root where it may not be, under a chroot the chroot itself', () => {
    expect(() => validatePath('/', 'notRoot')).toThrow(InvalidPathError);
    expect(() => validatePath('/a', 'notRoot')).not.toThrow();
    expect(() => validatePath('/a/', 'notRoot')).toThrow(InvalidPathError);
    expect(() => validatePath('/')).not.toThrow();
  });

  it.each([null, undefined, 1, {}, ['/a'], Buffer.from('/a')])('refuses %j, which is no string', (path) => {
    expect(() => validatePath(path)).toThrow(InvalidPathError);
  });

  it('the error carries operation, path and outcome, and prints no control character', () => {
    const error = thrown(() => validatePath('/a\u0007\0', 'node', 'create'));
    expect(error).toBeInstanceOf(InvalidPathError);
    expect(error).toMatchObject({
      op: 'create',
      path: '/a\u0007\0',
      outcome: 'not-sent',
      code: 'ZK_INVALID_PATH',
    });
    // eslint-disable-next-line no-control-regex -- that is what must not be there
    expect((error as Error).message.split(': ').at(-1)).not.toMatch(/[\u0000-\u001f]/);
  });
});

function thrown(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('parts of a path', () => {
  it.each([
    ['/', '/', ''],
    ['/a', '/', 'a'],
    ['/a/b', '/a', 'b'],
    ['/a/b/c d', '/a/b', 'c d'],
  ])('%s', (path, parent, name) => {
    expect(parentPath(path)).toBe(parent);
    expect(baseName(path)).toBe(name);
    if (path !== '/') expect(joinPath(parent, name)).toBe(path);
  });
});

describe('sequenceOf', () => {
  it.each([
    ['/a/lock0000000000', 0],
    ['/a/lock0000000012', 12],
    ['/a/lock-0000000001', 1],
    ['/a/_c_0f-lock-0000000007', 7],
    ['/a/0000000003', 3],
    ['/a/x2147483647', 2147483647],
    ['/a/x-2147483647', 2147483647],
    ['/a/x-2147483648', -2147483648],
    ['/a/x--2147483648', -2147483648],
    ['/a/x-000000001', -1],
    ['/a/x--000000001', -1],
    ['/a/x-999999999', -999999999],
    // a counter that follows the digits of the name
    ['/a/20240000000005', 5],
    ['/a/x', undefined],
    ['/a/x12', undefined],
    ['/a/x000000001', undefined],
    ['/a/x9999999999', undefined],
    ['/a/x-9999999999', undefined],
    ['/a/0000000001/x', undefined],
    ['/', undefined],
  ])('%s: %s', (path, sequence) => {
    expect(sequenceOf(path)).toBe(sequence);
  });
});

describe('chroot', () => {
  it('/ is none', () => {
    expect(normalizeChroot('/')).toBe('');
    expect(normalizeChroot('')).toBe('');
    expect(normalizeChroot('/app')).toBe('/app');
  });

  it.each([
    ['', '/', '/'],
    ['', '/a', '/a'],
    ['/app', '/', '/app'],
    ['/app', '/a', '/app/a'],
    ['/app/x', '/a/b', '/app/x/a/b'],
  ])('%j and %s make %s, and back', (chroot, path, whole) => {
    expect(addChroot(chroot, path)).toBe(whole);
    expect(stripChroot(chroot, whole)).toBe(path);
  });

  it('a sequential child of / lies in the chroot, not beside it', () => {
    expect(addChroot('/app', '/', 'sequential')).toBe('/app/');
    expect(addChroot('/app', '/x-', 'sequential')).toBe('/app/x-');
    expect(addChroot('', '/', 'sequential')).toBe('/');
    expect(addChroot('/app', '/', 'prefix')).toBe('/app/');
    expect(addChroot('/app', '/x', 'prefix')).toBe('/app/x');
  });

  it('a path that must not be the root lies in the chroot too', () => {
    expect(addChroot('/app', '/a', 'notRoot')).toBe('/app/a');
  });

  it.each(['/application', '/app2/x', '/ap', '/', '/zookeeper/config'])('%s is not below /app', (path) => {
    expect(stripChroot('/app', path)).toBe(path);
  });
});
