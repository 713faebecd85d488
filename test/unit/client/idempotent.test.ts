/** What the idempotent calls make of the time before them, on calls that are scripted. */
import { describe, expect, it } from 'vitest';
import type { CreateMode, Stat } from '../../../src/index.js';
import {
  createIdempotent,
  deleteIdempotent,
  setIdempotent,
  type Attempting,
  type WriterCalls,
} from '../../../src/client/idempotent.js';
import type { Mark } from '../../../src/client/mark.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { ConnectionLossError, keeperError } from '../../../src/protocol/errors.js';
import { STAT } from '../../support/core-world.js';
import { rejectionOf } from '../../support/scripted-server.js';

const LOST = new ConnectionLossError({ op: 'write', outcome: 'unknown' }, true);

/** A node as others or an earlier attempt left it, and what each mark was told. */
interface Story {
  readonly refusal: number;
  readonly stat: Partial<Stat>;
  readonly marks: readonly Pick<Mark, 'before' | 'zxid'>[];
  readonly mode?: CreateMode;
}

/** The first write is lost, the second refused. */
function told({ refusal, stat, marks }: Story): { calls: WriterCalls; how: Attempting; asked: string[] } {
  const asked: string[] = [];
  let writes = 0;
  const write = (): Promise<never> => {
    asked.push('write');
    return Promise.reject(writes++ === 0 ? LOST : keeperError(refusal, { op: 'write', outcome: 'rejected' }));
  };
  const node = { ...STAT, ...stat };
  const calls: WriterCalls = {
    create: write,
    set: write,
    delete: write,
    get: () => Promise.resolve({ data: Buffer.from('x'), stat: node }),
    exists: () => Promise.resolve(node),
  };
  let questions = 0;
  const how: Attempting = {
    options: () => ({}),
    retry: (work) => work().catch(work),
    withoutDoubt: (error) => error,
    sessionId: () => 1n,
    mark: (path) => {
      asked.push(`mark ${path}`);
      return { stat: undefined, ...marks[questions++]! };
    },
  };
  return { calls, how, asked };
}

const KINDS: Record<
  string,
  (story: Omit<Story, 'refusal'>) => { result: Promise<unknown>; asked: string[] }
> = {
  create: (story) => {
    const { calls, how, asked } = told({ refusal: Errno.NodeExists, ...story });
    return { result: createIdempotent(calls, '/a', 'x', { mode: story.mode }, how), asked };
  },
  set: (story) => {
    const { calls, how, asked } = told({ refusal: Errno.BadVersion, ...story });
    return { result: setIdempotent(calls, '/a', 'x', 0, how), asked };
  },
  delete: (story) => {
    const { calls, how, asked } = told({ refusal: Errno.NotEmpty, ...story });
    return { result: deleteIdempotent(calls, '/a', 0, how), asked };
  },
};

/** The node that our own write would have left. */
const OURS = { czxid: 7n, mzxid: 7n, ephemeralOwner: 0n };
const versionOf = (kind: string): number => (kind === 'set' ? 1 : 0);

describe.each(Object.keys(KINDS))('after a lost %s', (kind) => {
  const run = (...marks: Story['marks']): { result: Promise<unknown>; asked: string[] } =>
    KINDS[kind]!({ stat: { ...OURS, version: versionOf(kind) }, marks });

  it('a node as wanted proves nothing where it is not known what there was', async () => {
    for (const before of [0n, 6n]) {
      const { result, asked } = run({ before, zxid: null });
      expect(await rejectionOf(result)).toBe(LOST);
      // what is asked behind the lost write would come too late
      expect(asked).toEqual(['mark /', 'write', 'write']);
    }
  });

  it.each([
    { before: 7n, zxid: null },
    { before: 0n, zxid: 7n },
    { before: 5n, zxid: 7n },
  ])('what is no younger than the mark is not ours (%o)', async (mark) => {
    const { result, asked } = run(mark);
    expect(await rejectionOf(result)).toMatchObject({ outcome: 'rejected' });
    expect(asked).toEqual(['mark /', 'write', 'write']);
  });

  it('what is younger than the mark may be ours', async () => {
    const { result } = run({ before: 0n, zxid: 6n });
    if (kind === 'delete') expect(await rejectionOf(result)).toBe(LOST);
    else expect(await result).toBeDefined();
  });
});

describe('an ephemeral node of this very session', () => {
  const run = (before: bigint, ephemeralOwner: bigint): Promise<unknown> =>
    KINDS['create']!({
      mode: 'EPHEMERAL',
      stat: { ...OURS, ephemeralOwner },
      marks: [{ before, zxid: null }],
    }).result;

  it('is ours if it is younger than what the session had seen', async () => {
    expect(await run(6n, 1n)).toBe('/a');
    expect(await rejectionOf(run(7n, 1n))).toMatchObject({ outcome: 'rejected' });
    expect(await rejectionOf(run(6n, 2n))).toMatchObject({ outcome: 'rejected' });
  });

  it('may be one of the Conn that had the session before, where it had seen nothing', async () => {
    expect(await rejectionOf(run(0n, 1n))).toBe(LOST);
  });
});
