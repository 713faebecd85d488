/**
 * One of three members is left and serves in read-only mode (`readonlymode.enabled`): who may be there, what it can do,
 * and how it comes back to a server that can write.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  Conn,
  HandshakeError,
  NoServerError,
  NotReadOnlyError,
  SessionExpiredError,
  connect,
  op,
  type ConnOptions,
} from '../../src/index.js';
import { systemClock, type Clock } from '../../src/net/clock.js';
import { startEnsemble, type EnsembleMember, type RealEnsemble } from '../support/real-ensemble.js';
import { onEveryRelease } from '../support/targets.js';

/** Like no other time of a Conn. */
const LATE_MS = 47_110;

onEveryRelease('read-only mode', (version) => {
  const conns: Conn[] = [];
  let ensemble: RealEnsemble;

  function make(options: ConnOptions = {}): Conn {
    const conn = new Conn(ensemble.connectString, { sessionTimeoutMs: 30_000, ...options });
    conns.push(conn);
    return conn;
  }

  afterEach(async () => {
    await Promise.all(conns.splice(0).map((conn) => conn.close()));
    await complete();
  });

  /** Starts the members that were killed; gives the followers when all serve with a quorum. */
  async function complete(): Promise<readonly EnsembleMember[]> {
    await ensemble.mend();
    const leader = await ensemble.leader();
    const others = ensemble.members.filter((member) => member !== leader);
    await Promise.all(others.map((member) => member.becomes('follower')));
    return others;
  }

  /** Kills all members but one, and waits until that one serves those who only read. */
  async function leaveOne(survivor: EnsembleMember): Promise<void> {
    await Promise.all(ensemble.members.filter((each) => each !== survivor).map((each) => each.kill()));
    await survivor.becomes('read-only');
  }

  describe('with local sessions', () => {
    beforeAll(async () => {
      const config = { localSessionsEnabled: 'true', localSessionsUpgradingEnabled: 'true' };
      ensemble = await startEnsemble({ version, config });
    });

    afterAll(() => ensemble.stop());

    /** A member that has all that was written so far. */
    async function upToDate(): Promise<EnsembleMember> {
      const [survivor] = await complete();
      const conn = await connect(survivor!.connectString);
      await conn.sync('/');
      await conn.close();
      return survivor!;
    }

    it('a Conn that may reads there, with watches, and goes on by itself where it can write [E18]', async () => {
      const writer = await make().connect();
      for (const path of ['/data', '/parent', '/going', '/lasting', '/value'])
        await writer.create(path, 'old');
      await writer.close();
      const survivor = await upToDate();
      await leaveOne(survivor);

      const conn = make({ readOnly: true });
      const seen = told(conn);
      await conn.connect();
      expect(conn.state).toBe('ConnectedReadOnly');
      expect(conn.server).toBe(survivor.connectString);
      expect(String((await conn.get('/data')).data)).toBe('old');
      expect((await conn.children('/')).children).toContain('parent');
      const data = await conn.getW('/data');
      const coming = await conn.existsW('/coming');
      const going = await conn.existsW('/going');
      const children = await conn.childrenW('/parent');
      const lasting = await conn.addWatch('/lasting', 'PERSISTENT');
      const values = conn.watchData('/value');
      expect(String((await values.next()).value?.data)).toBe('old');

      const local = conn.sessionId;
      const writes: readonly (readonly [name: string, call: () => Promise<unknown>])[] = [
        ['create', () => conn.create('/coming')],
        ['create ephemeral', () => conn.create('/mine', null, { mode: 'EPHEMERAL' })],
        ['set', () => conn.set('/data', 'new')],
        ['delete', () => conn.delete('/going')],
        ['multi', () => conn.multi([op.create('/coming', ''), op.delete('/going')])],
        ['sync', () => conn.sync('/data')],
      ];
      const refused = await Promise.all(
        writes.map(async ([name, call]) => [name, await call().catch((error: unknown) => error)] as const),
      );
      for (const [name, error] of refused) {
        expect(error, name).toBeInstanceOf(NotReadOnlyError);
        expect(error, name).toMatchObject({ code: 'ZK_NOT_READ_ONLY', errno: -119, outcome: 'rejected' });
      }
      // the connection goes on
      expect(String((await conn.get('/data')).data)).toBe('old');
      expect([conn.sessionId, conn.sessionEpoch]).toEqual([local, 1]);
      expect(seen).toEqual(['Connecting', 'ConnectedReadOnly', 'new']);

      const moved = reached(conn, 'SyncConnected');
      await Promise.all([complete(), moved]);
      expect(conn.sessionId).not.toBe(local);
      expect(conn.sessionEpoch).toBe(2);
      expect(seen).toContain('SyncConnected');
      expect(seen).not.toContain('expired');
      await conn.set('/data', 'new');
      await conn.create('/coming');
      await conn.delete('/going');
      await conn.create('/parent/child');
      await conn.set('/lasting', 'new');
      await conn.set('/value', 'new');
      expect(await data.watch.event).toMatchObject({ type: 'NodeDataChanged', path: '/data' });
      expect(await coming.watch.event).toMatchObject({ type: 'NodeCreated', path: '/coming' });
      expect(await going.watch.event).toMatchObject({ type: 'NodeDeleted', path: '/going' });
      expect(await children.watch.event).toMatchObject({ type: 'NodeChildrenChanged', path: '/parent' });
      const heard: unknown[] = [];
      while (heard.at(-1) !== 'NodeDataChanged') heard.push((await lasting.next()).value?.type);
      expect(new Set(heard)).toEqual(new Set(['gap', 'NodeDataChanged']));
      expect(String((await values.next()).value?.data)).toBe('new');
      await Promise.all([lasting.return(), values.return()]);
      // this session is known everywhere
      const global = conn.sessionId;
      await conn.create('/owned', null, { mode: 'EPHEMERAL' });
      await conn.reconnect();
      expect(conn.sessionId).toBe(global);
      expect((await conn.exists('/owned'))?.ephemeralOwner).toBe(global);
    });

    it('a session that owns something is not served there: it expires, and a local one takes its place [E18]', async () => {
      const conn = await make({ readOnly: true, sessionTimeoutMs: 8000 }).connect();
      expect(conn.state).toBe('SyncConnected');
      await conn.create('/mine', null, { mode: 'EPHEMERAL' });
      const { watch } = await conn.existsW('/never');
      const gone = expect(watch.event).rejects.toBeInstanceOf(SessionExpiredError);
      const survivor = await upToDate();
      const owner = conn.sessionId;
      const seen = told(conn);
      const there = reached(conn, 'ConnectedReadOnly');
      await leaveOne(survivor);
      await there;
      await gone;
      expect(seen.filter((each) => each !== 'Connecting')).toEqual([
        'Disconnected',
        ...['Expired', 'expired'],
        ...['ConnectedReadOnly', 'new'],
      ]);
      // nobody can end it while there is no quorum
      expect((await conn.exists('/mine'))?.ephemeralOwner).toBe(owner);
      const moved = reached(conn, 'SyncConnected');
      await Promise.all([complete(), moved]);
      expect(seen.filter((each) => each === 'expired')).toHaveLength(1);
      await conn.create('/after');
    });

    it('a Conn that may not is never there, and says why [E18]', async () => {
      const survivor = await upToDate();
      await leaveOne(survivor);
      const conn = make();
      const seen = told(conn);
      const errors = failedAttempts(conn, survivor, 3);
      const connecting = conn.connect({ timeoutMs: 0 });
      for (const error of await errors) expect(error.message).toContain('read-only mode');
      expect(seen).toEqual(['Connecting']);
      const { clock, timeIsUp } = clockWithHeld(LATE_MS);
      const other = make({ clock });
      const once = failedAttempts(other, survivor, 1);
      const refused = other.connect({ timeoutMs: LATE_MS }).catch((error: unknown) => error);
      await once;
      timeIsUp();
      expect(await refused).toBeInstanceOf(NoServerError);
      expect(((await refused) as Error).message).toContain(survivor.connectString);
      await Promise.all([complete(), connecting]);
      expect(seen).toEqual(['Connecting', 'SyncConnected', 'new']);
    });
  });

  describe('without local sessions', () => {
    beforeAll(async () => {
      ensemble = await startEnsemble({ version });
    });

    afterAll(() => ensemble.stop());

    it('no session is made, which is told; the others are tried [E18]', async () => {
      const [survivor] = await complete();
      await leaveOne(survivor!);
      const conn = make({ readOnly: true });
      const seen = told(conn);
      const tried = new Set<string | undefined>();
      conn.on('connectError', ({ server }) => tried.add(server));
      const errors = failedAttempts(conn, survivor!, 3);
      const connecting = conn.connect({ timeoutMs: 0 });
      for (const error of await errors) {
        expect(error).toBeInstanceOf(HandshakeError);
        expect(error.message).toContain('the server makes no session');
        expect(error.message).toContain('NotReadOnly');
        expect(error.cause).toBeInstanceOf(NotReadOnlyError);
      }
      expect(tried).toEqual(new Set(ensemble.members.map((member) => member.connectString)));
      await Promise.all([complete(), connecting]);
      expect(seen).toEqual(['Connecting', 'SyncConnected', 'new']);
      await conn.create('/after');
    });
  });
});

/** What a Conn says of its states and sessions from now on. */
function told(conn: Conn): string[] {
  const seen: string[] = [];
  conn.on('state', ({ state }) => seen.push(state));
  conn.on('session', ({ what }) => seen.push(what));
  return seen;
}

function reached(conn: Conn, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    conn.on('state', ({ state }) => {
      if (state === wanted) resolve();
    });
  });
}

/** The machine's clock, whose timers of that length fire when the test says so. */
function clockWithHeld(ms: number): { readonly clock: Clock; readonly timeIsUp: () => void } {
  const held: (() => void)[] = [];
  const setTimer: Clock['setTimer'] = (fire, delayMs) => {
    if (delayMs !== ms) return systemClock.setTimer(fire, delayMs);
    held.push(fire);
    return { cancel: () => undefined };
  };
  return {
    clock: { ...systemClock, setTimer },
    timeIsUp: () => {
      for (const fire of held.splice(0)) fire();
    },
  };
}

/** The errors of the next so many attempts at a member. */
function failedAttempts(conn: Conn, member: EnsembleMember, count: number): Promise<readonly Error[]> {
  const errors: Error[] = [];
  return new Promise((resolve) => {
    conn.on('connectError', ({ server, error }) => {
      if (server === member.connectString) errors.push(error);
      if (errors.length === count) resolve(errors);
    });
  });
}
