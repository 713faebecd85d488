import { describe, expect, it } from 'vitest';
import {
  NoChildrenForEphemeralsError,
  NoNodeError,
  NodeExistsError,
  op,
  sequenceOf,
  type CreateMode,
} from '../../../src/index.js';
import { failure, type ContractTarget } from '../target.js';

const TTL_MS = 3_600_000;

interface ModeRow {
  readonly mode: CreateMode;
  readonly ttlMs?: number;
  readonly sequential: boolean;
  readonly ephemeral: boolean;
}

const MODES: readonly ModeRow[] = [
  { mode: 'PERSISTENT', sequential: false, ephemeral: false },
  { mode: 'EPHEMERAL', sequential: false, ephemeral: true },
  { mode: 'PERSISTENT_SEQUENTIAL', sequential: true, ephemeral: false },
  { mode: 'EPHEMERAL_SEQUENTIAL', sequential: true, ephemeral: true },
  { mode: 'CONTAINER', sequential: false, ephemeral: false },
  { mode: 'PERSISTENT_WITH_TTL', ttlMs: TTL_MS, sequential: false, ephemeral: false },
  { mode: 'PERSISTENT_SEQUENTIAL_WITH_TTL', ttlMs: TTL_MS, sequential: true, ephemeral: false },
];

export function creates(target: ContractTarget): void {
  describe('create', () => {
    it.each(MODES)('$mode: create gives the path [E18]', async ({ mode, ttlMs, sequential }) => {
      const conn = await target.connect();
      const path = await conn.create(target.at('/n'), 'x', { mode, ttlMs });
      expect(path).toBe(target.at(sequential ? '/n0000000000' : '/n'));
      expect((await conn.get(path)).data?.toString()).toBe('x');
    });

    it.each(MODES)(
      '$mode: createWithStat gives path and Stat',
      async ({ mode, ttlMs, sequential, ephemeral }) => {
        const conn = await target.connect();
        const { path, stat } = await conn.createWithStat(target.at('/n'), 'x', { mode, ttlMs });
        expect(path).toBe(target.at(sequential ? '/n0000000000' : '/n'));
        expect(stat).toMatchObject({ version: 0, cversion: 0, aversion: 0, dataLength: 1, numChildren: 0 });
        expect(stat.ephemeralOwner).toBe(ephemeral ? conn.sessionId : 0n);
        expect(stat).toEqual(await conn.exists(path));
      },
    );

    it.each(MODES)('$mode: may have children unless it is ephemeral', async ({ mode, ttlMs, ephemeral }) => {
      const conn = await target.connect();
      const path = await conn.create(target.at('/n'), null, { mode, ttlMs });
      if (!ephemeral) {
        expect(await conn.create(`${path}/child`)).toBe(`${path}/child`);
        return;
      }
      const error = await failure(conn.create(`${path}/child`));
      expect(error).toBeInstanceOf(NoChildrenForEphemeralsError);
      expect(error).toMatchObject({ errno: -108, outcome: 'rejected', path: `${path}/child` });
      expect((await conn.exists(path))?.numChildren).toBe(0);
    });

    it.each(MODES)('$mode: in a multi', async ({ mode, ttlMs, sequential, ephemeral }) => {
      const conn = await target.connect();
      const [path] = await conn.multi([op.create(target.at('/n'), 'x', { mode, ttlMs })]);
      expect(path).toBe(target.at(sequential ? '/n0000000000' : '/n'));
      expect((await conn.exists(path))?.ephemeralOwner).toBe(ephemeral ? conn.sessionId : 0n);
    });

    it('of what exists is NodeExists and changes nothing', async () => {
      const conn = await target.connect();
      const { stat } = await conn.createWithStat(target.at('/a'), 'first');
      const error = await failure(conn.create(target.at('/a'), 'second'));
      expect(error).toBeInstanceOf(NodeExistsError);
      expect(error).toMatchObject({ errno: -110, op: 'create', path: target.at('/a'), outcome: 'rejected' });
      expect(await conn.get(target.at('/a'))).toEqual({ data: Buffer.from('first'), stat });
    });

    it('without a parent is NoNode', async () => {
      const conn = await target.connect();
      expect(await failure(conn.create(target.at('/none/a')))).toBeInstanceOf(NoNodeError);
      expect(await failure(conn.createWithStat(target.at('/none/a')))).toBeInstanceOf(NoNodeError);
    });

    it('of a child does not inherit the ACL', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), null, { acl: [{ perms: 31, scheme: 'ip', id: '127.0.0.1' }] });
      await conn.create(target.at('/a/b'));
      expect((await conn.getAcl(target.at('/a/b'))).acl).toEqual([
        { perms: 31, scheme: 'world', id: 'anyone' },
      ]);
    });

    it('by many at once lets exactly one through', async () => {
      const conns = await Promise.all([1, 2, 3, 4].map(() => target.connect()));
      const outcomes = await Promise.all(
        conns.map((conn) =>
          conn.create(target.at('/one')).then(
            () => 'made',
            (error: unknown) => (error as Error).name,
          ),
        ),
      );
      expect(outcomes.sort()).toEqual(['NodeExistsError', 'NodeExistsError', 'NodeExistsError', 'made']);
    });

    it('ensurePath makes what is missing and keeps what is there', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/a'), 'kept');
      await conn.ensurePath(target.at('/a/b/c/d'));
      await conn.ensurePath(target.at('/a/b/c/d'));
      expect((await conn.get(target.at('/a'))).data?.toString()).toBe('kept');
      expect((await conn.get(target.at('/a/b/c/d'))).data).toBeNull();
    });
  });

  describe('sequential names', () => {
    const SEQUENTIAL = { mode: 'PERSISTENT_SEQUENTIAL' } as const;

    it('count up with ten digits', async () => {
      const conn = await target.connect();
      const made = [1, 2, 3].map(() => conn.create(target.at('/n-'), null, SEQUENTIAL));
      expect(await Promise.all(made)).toEqual(
        ['0000000000', '0000000001', '0000000002'].map((number) => target.at(`/n-${number}`)),
      );
      expect(sequenceOf(await made[2]!)).toBe(2);
    });

    it('may be nothing but the number, or dots before it', async () => {
      const conn = await target.connect();
      expect(await conn.create(target.at('/'), null, SEQUENTIAL)).toBe(target.at('/0000000000'));
      expect(await conn.create(target.at('/..'), null, SEQUENTIAL)).toBe(target.at('/..0000000001'));
      expect(await conn.create(target.at('/.'), null, SEQUENTIAL)).toBe(target.at('/.0000000002'));
    });

    it('are not used again after a delete', async () => {
      const conn = await target.connect();
      const first = await conn.create(target.at('/n'), null, SEQUENTIAL);
      await conn.delete(first);
      expect(await conn.create(target.at('/n'), null, SEQUENTIAL)).toBe(target.at('/n0000000001'));
    });

    it('share one counter per parent, with all kinds of children', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/plain'));
      await conn.create(target.at('/ephemeral'), null, { mode: 'EPHEMERAL' });
      await conn.create(target.at('/container'), null, { mode: 'CONTAINER' });
      await conn.create(target.at('/plain/below'));
      expect(await conn.create(target.at('/a'), null, SEQUENTIAL)).toBe(target.at('/a0000000003'));
      expect(await conn.create(target.at('/b'), null, { mode: 'EPHEMERAL_SEQUENTIAL' })).toBe(
        target.at('/b0000000004'),
      );
      expect(await conn.create(target.at('/plain/a'), null, SEQUENTIAL)).toBe(
        target.at('/plain/a0000000001'),
      );
    });

    it('are not advanced by failed creates, sets, ACLs or failed multis', async () => {
      const conn = await target.connect();
      const { acl } = await conn.getAcl(target.root);
      await conn.create(target.at('/taken'));
      await failure(conn.create(target.at('/taken')));
      await failure(conn.create(target.at('/none/x'), null, SEQUENTIAL));
      await conn.set(target.root, 'x');
      await conn.setAcl(target.root, acl);
      await failure(
        conn.multi([
          op.create(target.at('/m'), null, SEQUENTIAL),
          op.create(target.at('/m'), null, SEQUENTIAL),
          op.check(target.at('/none')),
        ]),
      );
      expect(await conn.create(target.at('/n'), null, SEQUENTIAL)).toBe(target.at('/n0000000001'));
    });

    it('skip nothing when the name is taken: the create fails', async () => {
      const conn = await target.connect();
      await conn.create(target.at('/n0000000001'));
      // its number is 1 because one child was created before
      expect(await failure(conn.create(target.at('/n'), null, SEQUENTIAL))).toBeInstanceOf(NodeExistsError);
      await conn.create(target.at('/other'));
      expect(await conn.create(target.at('/n'), null, SEQUENTIAL)).toBe(target.at('/n0000000002'));
    });

    it('are unique among clients that hurry', async () => {
      const conns = await Promise.all([1, 2, 3].map(() => target.connect()));
      const paths = await Promise.all(
        conns.flatMap((conn) =>
          Array.from({ length: 20 }, () => conn.create(target.at('/n'), null, SEQUENTIAL)),
        ),
      );
      expect(paths.map((path) => sequenceOf(path) ?? -1).sort((a, b) => a - b)).toEqual(
        Array.from({ length: 60 }, (_, i) => i),
      );
    });
  });
}
