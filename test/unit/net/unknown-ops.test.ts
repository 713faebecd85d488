/** What is known of the operations that a server does not know, and until when. */
import { describe, expect, it } from 'vitest';
import { UnknownOps } from '../../../src/net/unknown-ops.js';
import { operations } from '../../../src/protocol/operations.js';
import { parseServerVersion, type ServerVersion } from '../../../src/protocol/words.js';
import { settle } from '../../support/scripted-server.js';

const A = { host: 'a', port: 1 };
const { whoAmI, addWatch } = operations;

/** A connection with a session on `A`, whose server says this when it is asked. */
async function connected(ops: UnknownOps, version: string | null | undefined): Promise<number> {
  let asked = 0;
  ops.connected(A, (): Promise<ServerVersion | null | undefined> => {
    asked++;
    return Promise.resolve(typeof version === 'string' ? parseServerVersion(version) : version);
  });
  await settle();
  return asked;
}

describe('an operation that a server says it does not know', () => {
  function refused(): UnknownOps {
    const ops = new UnknownOps();
    ops.hungUp('a:1', whoAmI, true);
    ops.ended('a:1');
    return ops;
  }

  it('is unknown to it on the next connection, and to no other server', () => {
    const ops = refused();
    expect(ops.has(whoAmI, 'a:1', 3)).toBe(true);
    expect(ops.has(addWatch, 'a:1', 3)).toBe(false);
    expect(ops.has(whoAmI, 'b:1', 3)).toBe(false);
  });

  it('without a connection is unknown if there is no other server', () => {
    expect(refused().has(whoAmI, undefined, 1)).toBe(true);
    expect(refused().has(whoAmI, undefined, 2)).toBe(false);
  });

  it('may be known when a connection has ended for another reason', () => {
    const ops = refused();
    ops.ended('a:1');
    expect(ops.has(whoAmI, 'a:1', 1)).toBe(false);
  });

  it.each([
    ['3.7.0', false],
    ['3.6.4', true],
    [null, true],
  ])('is cleared up by the version of the server: %s', async (version, still) => {
    const ops = refused();
    expect(await connected(ops, version)).toBe(1);
    expect(ops.has(whoAmI, 'a:1', 1)).toBe(still);
  });
});

describe('an operation at which a server hangs up without a word', () => {
  async function suspected(
    hangUps: readonly (typeof whoAmI | typeof addWatch)[],
    version: string | null | undefined,
  ) {
    const ops = new UnknownOps();
    for (const op of hangUps) {
      ops.ended('a:1');
      ops.hungUp('a:1', op, false);
    }
    const asked = await connected(ops, version);
    return { asked, unknown: ops.has(whoAmI, 'a:1', 1) };
  }

  it.each([
    ['once', [whoAmI], null, { asked: 0, unknown: false }],
    ['twice in a row', [whoAmI, whoAmI], null, { asked: 1, unknown: true }],
    ['twice, but it is new enough', [whoAmI, whoAmI], '3.9.3', { asked: 1, unknown: false }],
    ['twice, and the next connection ends', [whoAmI, whoAmI], undefined, { asked: 1, unknown: false }],
    [
      'five times, and no connection lives',
      Array<typeof whoAmI>(5).fill(whoAmI),
      undefined,
      { asked: 1, unknown: true },
    ],
    ['twice, but not in a row', [whoAmI, addWatch, whoAmI], null, { asked: 0, unknown: false }],
  ])('%s', async (_what, hangUps, version, expected) => {
    expect(await suspected(hangUps, version)).toEqual(expected);
  });

  it.each([
    ['before', ['answered', 'cut', 'cut', 'cut']],
    ['between', ['cut', 'answered', 'cut', 'cut']],
    ['behind', ['cut', 'cut', 'answered']],
  ] as const)('is known to one that has answered it, whatever it hangs up for: %s', async (_when, story) => {
    const ops = new UnknownOps();
    for (const what of story) {
      ops.ended('a:1');
      if (what === 'cut') ops.hungUp('a:1', whoAmI, false);
      else ops.answered('a:1', whoAmI);
    }
    expect(await connected(ops, null)).toBe(0);
    expect(ops.has(whoAmI, 'a:1', 1)).toBe(false);
    expect(ops.isEmpty).toBe(true);
  });

  it('is known to one that answers when it was given up already, and to no other server', async () => {
    const ops = new UnknownOps();
    for (let i = 0; i < 2; i++) ops.hungUp('a:1', whoAmI, false);
    await connected(ops, null);
    ops.answered('b:1', whoAmI);
    ops.answered('a:1', addWatch);
    expect(ops.has(whoAmI, 'a:1', 1)).toBe(true);
    ops.answered('a:1', whoAmI);
    expect(ops.has(whoAmI, 'a:1', 1)).toBe(false);
  });

  it('is unknown to one that says so, though it has answered it once: it may be an older release now', () => {
    const ops = new UnknownOps();
    ops.answered('a:1', whoAmI);
    ops.hungUp('a:1', whoAmI, true);
    expect(ops.has(whoAmI, 'a:1', 1)).toBe(true);
  });

  it('asks nobody anything where nothing is open', async () => {
    expect(await connected(new UnknownOps(), '3.9.3')).toBe(0);
  });
});
