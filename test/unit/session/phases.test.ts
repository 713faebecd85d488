import { describe, expect, it } from 'vitest';
import { assertMove, isTerminal, mayMove, type PhaseName } from '../../../src/session/phases.js';

const NAMES = [
  'idle',
  'backoff',
  'dialing',
  'handshaking',
  'securing',
  'live',
  'closing',
  'closed',
  'authFailed',
  'expired',
] as const satisfies readonly PhaseName[];

/** Every phase has a row and a column; the type sees to it that none is missing. */
const ROWS: Readonly<Record<PhaseName, string>> = {
  //           to: i b d h s l c C A E
  idle: /*      */ '. . x . . . . x . .',
  backoff: /*   */ '. . x . . . . x . x',
  dialing: /*   */ '. x x x . . . x . x',
  handshaking: /**/ '. x x . x x . x . x',
  securing: /*  */ '. x x . . x . x x x',
  live: /*      */ '. x x . . . x x x .',
  closing: /*   */ '. . . . . . . x . .',
  closed: /*    */ '. . . . . . . . . .',
  authFailed: /**/ '. . x . . . . x . .',
  expired: /*   */ '. . . . . . . x . .',
};

const allowed = (from: PhaseName, to: PhaseName): boolean => ROWS[from].split(' ')[NAMES.indexOf(to)] === 'x';
const PAIRS = NAMES.flatMap((from) => NAMES.map((to) => [from, to] as const));

describe('a move', () => {
  it('is tried from every phase to every phase', () => {
    expect([...NAMES].sort()).toEqual(Object.keys(ROWS).sort());
    expect(PAIRS).toHaveLength(100);
    for (const row of Object.values(ROWS)) expect(row.split(' ')).toHaveLength(NAMES.length);
  });

  it.each(PAIRS)('from %s to %s is allowed or is our bug', (from, to) => {
    expect(mayMove(from, to)).toBe(allowed(from, to));
    const move = (): void => assertMove(from, to);
    if (allowed(from, to)) expect(move).not.toThrow();
    else expect(move).toThrow(`'${from}' to '${to}'`);
  });

  it.each(['', 'LIVE', 'nope', '__proto__', 'constructor', 'toString', 'size'])(
    'from or to %j, which is no phase, is not allowed',
    (name) => {
      const unknown = name as PhaseName;
      for (const each of NAMES) {
        expect(mayMove(unknown, each)).toBe(false);
        expect(mayMove(each, unknown)).toBe(false);
        expect(() => assertMove(unknown, each)).toThrow(Error);
        expect(() => assertMove(each, unknown)).toThrow(Error);
      }
      expect(mayMove(unknown, unknown)).toBe(false);
      expect(isTerminal(unknown)).toBe(false);
    },
  );
});

describe('a phase', () => {
  it('is terminal if it leads nowhere but to closed, or out of authFailed only on purpose', () => {
    const waysOut = (from: PhaseName): PhaseName[] =>
      NAMES.filter((to) => to !== 'closed' && mayMove(from, to));
    expect(NAMES.filter((name) => isTerminal(name))).toEqual(['closed', 'authFailed', 'expired']);
    for (const name of NAMES) {
      // closing waits for an answer and is not over, though nothing else can come of it
      if (name !== 'closing' && name !== 'authFailed')
        expect([name, waysOut(name).length === 0]).toEqual([name, isTerminal(name)]);
    }
  });

  it('can always be closed, and closed is the end', () => {
    for (const name of NAMES) expect([name, mayMove(name, 'closed')]).toEqual([name, name !== 'closed']);
  });

  it('can be reached', () => {
    const reached = new Set<PhaseName>(['idle']);
    for (const from of reached) for (const to of NAMES) if (mayMove(from, to)) reached.add(to);
    expect(reached).toEqual(new Set(NAMES));
  });
});
