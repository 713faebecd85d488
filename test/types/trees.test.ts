/** The types of what is built on the calls on single znodes; compiled by `types.test.ts` as well. */
import { describe, expectTypeOf, it } from 'vitest';
import type {
  CallOptions,
  ChrootView,
  Conn,
  CopyResult,
  DeleteRecursiveOptions,
  Quota,
  QuotaLimits,
  TreeCalls,
  Walk,
  WalkOptions,
  WalkedNode,
  WalkedNodeWithData,
  ZnodeCalls,
} from '../../src/index.js';

describe('trees', () => {
  it('are walked with data or without', () => {
    const both = (conn: Conn) => [conn.walk('/'), conn.walk('/', { data: true })] as const;
    expectTypeOf(both).returns.toEqualTypeOf<readonly [Walk<WalkedNode>, Walk<WalkedNodeWithData>]>();
    expectTypeOf<Parameters<Conn['walk']>>().toEqualTypeOf<[path: string, options?: WalkOptions]>();
    expectTypeOf<WalkedNodeWithData['data']>().toEqualTypeOf<Buffer | null>();
    expectTypeOf<WalkedNode>().not.toHaveProperty('data');
    expectTypeOf<Walk<WalkedNode>>().toExtend<AsyncIterable<WalkedNode>>();
  });

  it('are deleted and copied with counts', () => {
    expectTypeOf<Conn['deleteRecursive']>().toEqualTypeOf<
      (path: string, options?: DeleteRecursiveOptions) => Promise<number>
    >();
    expectTypeOf<Conn['copyTree']>().returns.resolves.toEqualTypeOf<CopyResult>();
    expectTypeOf<DeleteRecursiveOptions>().toExtend<CallOptions>();
  });

  it('have quotas, or null', () => {
    expectTypeOf<Conn['getQuota']>().returns.resolves.toEqualTypeOf<Quota | null>();
    expectTypeOf<Parameters<Conn['setQuota']>[1]>().toEqualTypeOf<Partial<QuotaLimits>>();
    expectTypeOf<QuotaLimits['count']>().toEqualTypeOf<number | null>();
  });

  it('have views with the same calls and no life', () => {
    expectTypeOf<Conn['chroot']>().toEqualTypeOf<(path: string) => ChrootView>();
    expectTypeOf<ChrootView['chroot']>().returns.toEqualTypeOf<ChrootView>();
    expectTypeOf<ChrootView>().toExtend<TreeCalls>();
    expectTypeOf<Conn>().toExtend<TreeCalls>();
    expectTypeOf<TreeCalls>().toExtend<ZnodeCalls>();
    expectTypeOf<ChrootView>().not.toHaveProperty('close');
    expectTypeOf<ChrootView>().not.toHaveProperty('on');
  });
});
