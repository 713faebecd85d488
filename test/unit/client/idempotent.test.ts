/** What the idempotent calls make of zxids, on calls that are scripted. */
import { describe, expect, it } from 'vitest';
import type { Stat } from '../../../src/index.js';
import {
  createIdempotent,
  deleteIdempotent,
  setIdempotent,
  type Attempting,
  type WriterCalls,
} from '../../../src/client/idempotent.js';
import { Errno } from '../../../src/protocol/error-codes.js';
import { ConnectionLossError, keeperError } from '../../../src/protocol/errors.js';
import { STAT } from '../../support/core-world.js';
import { rejectionOf } from '../../support/scripted-server.js';

const LOST = new ConnectionLossError({ op: 'write', outcome: 'unknown' }, true);

/** A node as others or an earlier attempt left it, and the zxids that were seen, one for each question. */
interface Story {
  readonly refusal: number;
  readonly stat: Partial<Stat>;
  readonly zxids: readonly bigint[];
}

/** The first write is lost, the second refused. */
function told({ refusal, stat, zxids }: Story): { calls: WriterCalls; how: Attempting; asked: string[] } {
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
    exists: (path) => {
      asked.push(`exists ${path}`);
      return Promise.resolve(node);
    },
  };
  let questions = 0;
  const how: Attempting = {
    options: () => ({}),
    retry: (work) => work().catch(work),
    withoutDoubt: (error) => error,
    sessionId: () => 1n,
    lastZxid: () => zxids[Math.min(questions++, zxids.length - 1)] ?? 0n,
  };
  return { calls, how, asked };
}

const KINDS: Record<
  string,
  (story: Omit<Story, 'refusal'>) => { result: Promise<unknown>; asked: string[] }
> = {
  create: (story) => {
    const { calls, how, asked } = told({ refusal: Errno.NodeExists, ...story });
    return { result: createIdempotent(calls, '/a', 'x', {}, how), asked };
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
  const run = (zxids: readonly bigint[]): { result: Promise<unknown>; asked: string[] } =>
    KINDS[kind]!({ stat: { ...OURS, version: versionOf(kind) }, zxids });

  it('a node as wanted proves nothing where no zxid could be had', async () => {
    const { result, asked } = run([0n]);
    expect(await rejectionOf(result)).toBe(LOST);
    expect(asked.slice(0, 2)).toEqual(['exists /', 'write']);
  });

  it('what is no younger than the first zxid is not ours, whatever the next session has seen', async () => {
    const { result, asked } = run([7n, 7n, 0n]);
    expect(await rejectionOf(result)).toMatchObject({ outcome: 'rejected' });
    expect(asked.filter((call) => call === 'exists /')).toEqual([]);
  });

  it('what is younger than the first zxid may be ours, also if more was seen since', async () => {
    const { result } = run([0n, 6n, 9n]);
    if (kind === 'delete') expect(await rejectionOf(result)).toBe(LOST);
    else expect(await result).toBeDefined();
  });
});
