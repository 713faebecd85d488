/** Path rules against a plain reading of ZooKeeper's documentation, and the laws of chroots and sequence numbers. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addChroot,
  baseName,
  joinPath,
  parentPath,
  pathProblem,
  sequenceOf,
  stripChroot,
  validatePath,
} from '../../src/protocol/paths.js';
import { check } from '../support/property.js';

const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/; // eslint-disable-line no-control-regex

/** Is it a path? Said once more, by names instead of by characters. */
function isPath(text: string): boolean {
  if (text === '/') return true;
  const [before, ...names] = text.split('/');
  if (before !== '' || names.length === 0) return false;
  return names.every((name) => name !== '' && name !== '.' && name !== '..' && !FORBIDDEN.test(name));
}

const PIECE = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('/', '.', '..', 'a', '0', ' ', '-') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[
        '\0',
        '\u0001',
        '\u001f',
        '\u0020',
        '\u007e',
        '\u007f',
        '\u009f',
        '\u00a0',
        '\ud7ff',
        '\ud800',
        '\udfff',
      ],
      ...['\ue000', '\uf8ff', '\uf900', '\uffef', '\ufff0', '\uffff', '\u{1f600}'],
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 2 }) },
);
const TEXT = fc.array(PIECE, { maxLength: 10 }).map((pieces) => pieces.join(''));
const MAYBE_PATH = fc.oneof(
  TEXT,
  TEXT.map((text) => `/${text}`),
);

const NAME = fc
  .string({
    unit: fc.constantFrom('a', 'b', '.', '-', '_', '0', ' ', 'ß', '\uac00'),
    minLength: 1,
    maxLength: 6,
  })
  .filter((name) => name !== '.' && name !== '..');
const NODE = fc.array(NAME, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join('/')}`);
const PATH = fc.oneof(fc.constant('/'), NODE);
const CHROOT = fc.oneof(fc.constant(''), NODE);

describe('validation', () => {
  it('agrees with the reference about any text', () => {
    let good = 0;
    check(
      fc.property(MAYBE_PATH, (text) => {
        const answer = isPath(text);
        if (answer) good++;
        expect([text, pathProblem(text) === null]).toEqual([text, answer]);
      }),
      3000,
    );
    if (process.env['ZK_RUNS'] === undefined) expect(good).toBeGreaterThan(100);
  });

  it('agrees about sequential paths, which get a number', () => {
    check(
      fc.property(MAYBE_PATH, (text) => {
        let fine = true;
        try {
          validatePath(text, 'sequential');
        } catch {
          fine = false;
        }
        expect([text, fine]).toEqual([text, isPath(`${text}0000000001`)]);
      }),
      1000,
    );
  });

  it('agrees about every UTF-16 unit', () => {
    for (let unit = 0; unit <= 0xffff; unit++) {
      const path = `/a${String.fromCharCode(unit)}b`;
      if ((pathProblem(path) === null) !== isPath(path)) expect(path).toBe(`U+${unit.toString(16)}`);
    }
  });
});

describe('parts', () => {
  it('a path is its parent joined with its name', () => {
    check(
      fc.property(NODE, (path) => {
        expect(joinPath(parentPath(path), baseName(path))).toBe(path);
        expect(isPath(parentPath(path))).toBe(true);
        expect(baseName(path)).not.toContain('/');
      }),
    );
  });

  it('a child has its parent', () => {
    check(
      fc.property(PATH, NAME, (parent, name) => {
        const child = joinPath(parent, name);
        expect([parentPath(child), baseName(child)]).toEqual([parent, name]);
        expect(pathProblem(child)).toBeNull();
      }),
    );
  });
});

describe('chroot', () => {
  it('strip undoes add', () => {
    check(
      fc.property(CHROOT, PATH, (chroot, path) => {
        expect(stripChroot(chroot, addChroot(chroot, path))).toBe(path);
      }),
    );
  });

  it('add makes valid paths of valid paths', () => {
    check(
      fc.property(CHROOT, PATH, (chroot, path) => {
        expect(pathProblem(addChroot(chroot, path))).toBeNull();
      }),
    );
  });

  it('add is one to one', () => {
    check(
      fc.property(CHROOT, PATH, PATH, (chroot, a, b) => {
        expect(addChroot(chroot, a) === addChroot(chroot, b)).toBe(a === b);
      }),
    );
  });

  it('a chroot in a chroot is their sum', () => {
    check(
      fc.property(NODE, NODE, PATH, (outer, inner, path) => {
        expect(addChroot(outer, addChroot(inner, path))).toBe(addChroot(outer + inner, path));
        const whole = addChroot(outer + inner, path);
        expect(stripChroot(inner, stripChroot(outer, whole))).toBe(path);
      }),
    );
  });

  it('a path outside, also one that only begins alike, comes back as it is [G4]', () => {
    check(
      fc.property(NODE, NODE, NAME, (chroot, path, tail) => {
        expect(stripChroot(chroot, chroot + tail)).toBe(chroot + tail);
        if (path !== chroot && !path.startsWith(`${chroot}/`)) expect(stripChroot(chroot, path)).toBe(path);
      }),
    );
  });

  it('a sequential create lies in the chroot', () => {
    check(
      fc.property(
        CHROOT,
        fc.oneof(
          PATH,
          NODE.map((path) => `${path}/`),
        ),
        (chroot, path) => {
          const made = `${addChroot(chroot, path, 'sequential')}0000000007`;
          expect(pathProblem(made)).toBeNull();
          expect(stripChroot(chroot, made)).toBe(`${path}0000000007`);
        },
      ),
    );
  });
});

describe('sequence numbers', () => {
  /** What Java's `String.format("%010d", n)` prints. */
  function printed(n: number): string {
    return n < 0 ? `-${String(-n).padStart(9, '0')}` : String(n).padStart(10, '0');
  }

  const ENDS_IN_NO_DIGIT = fc.constantFrom('/', '/lock-', '/a/x', '/a/20-', '/_c_00ff-lock-', '/a--');

  it('are found behind any prefix', () => {
    check(
      fc.property(ENDS_IN_NO_DIGIT, fc.nat(0x7fffffff), (prefix, n) => {
        expect(sequenceOf(prefix + printed(n))).toBe(n);
      }),
    );
  });

  it('are found behind a prefix of digits', () => {
    check(
      fc.property(fc.nat(), fc.nat(0x7fffffff), (digits, n) => {
        expect(sequenceOf(`/${digits}${printed(n)}`)).toBe(n);
      }),
    );
  });

  it('may have wrapped below zero, as long as the dash cannot be one of the name', () => {
    check(
      fc.property(ENDS_IN_NO_DIGIT, fc.integer({ min: -999_999_999, max: -1 }), (prefix, n) => {
        expect(sequenceOf(prefix + printed(n))).toBe(n);
      }),
    );
    expect(sequenceOf(`/x${printed(-0x80000000)}`)).toBe(-0x80000000);
  });
});
