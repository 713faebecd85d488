/** Whatever was done to a server: from its snapshot comes a server that nobody can tell from it. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connect, type Conn } from '../../src/index.js';
import { MiniServer, VirtualClock, type Snapshot } from '../../src/testing.js';
import { checkAsync } from '../support/property.js';

const NAMES = ['a', 'b', 'ü', 'n-'];
const PATH = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((names) => `/${names.join('/')}`);
const DATA = fc.oneof(fc.constant(null), fc.string(), fc.uint8Array({ maxLength: 6 }));
const MODES = [
  'PERSISTENT',
  'PERSISTENT_SEQUENTIAL',
  'EPHEMERAL',
  'EPHEMERAL_SEQUENTIAL',
  'CONTAINER',
] as const;

type Step = (conn: Conn, clock: VirtualClock) => Promise<unknown>;

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(PATH, DATA, fc.constantFrom(...MODES)).map<Step>(
    ([path, data, mode]) =>
      (conn) =>
        conn.create(path, data, { mode }),
  ),
  fc.tuple(PATH, DATA).map<Step>(
    ([path, data]) =>
      (conn) =>
        conn.set(path, data),
  ),
  PATH.map<Step>((path) => (conn) => conn.delete(path)),
  fc.tuple(PATH, fc.integer({ min: 1, max: 31 })).map<Step>(
    ([path, perms]) =>
      (conn) =>
        conn.setAcl(path, [{ perms, scheme: 'world', id: 'anyone' }]),
  ),
  fc.integer({ min: 0, max: 500 }).map<Step>((ms) => (_conn, clock) => clock.advance(ms)),
);

const throughJson = (snapshot: Snapshot): Snapshot => JSON.parse(JSON.stringify(snapshot)) as Snapshot;

/** All that can be seen of the nodes. */
const seen = ({ tree }: MiniServer) => tree.paths().map((path) => [path, tree.get(path)]);

describe('a server from a snapshot', () => {
  it('has what the first one has', async () => {
    await checkAsync(
      fc.asyncProperty(fc.array(STEP, { maxLength: 30 }), async (steps) => {
        const clock = new VirtualClock();
        await using first = await MiniServer.start({ clock });
        await using conn = await connect(first.connectString, { clock, dialer: first.dialer });
        for (const step of steps) await step(conn, clock).catch(() => undefined);
        const whole = throughJson(first.snapshot({ ephemerals: true }));
        await using second = await MiniServer.start({ clock, snapshot: whole });
        expect(seen(second)).toEqual(seen(first));
        expect(second.snapshot({ ephemerals: true })).toEqual(whole);
        expect(second.sessions.map(({ ephemerals }) => ephemerals)).toEqual(
          first.sessions.map(({ ephemerals }) => ephemerals),
        );
        // without what is ephemeral: as if the session had ended
        const durable = throughJson(first.snapshot());
        await using third = await MiniServer.start({ clock, snapshot: durable });
        expect(third.snapshot()).toEqual(durable);
        first.expireSession(conn.sessionId);
        const without = third.tree.paths().map((path) => [path, third.tree.get(path)?.stat.cversion]);
        expect(without).toEqual(
          first.tree.paths().map((path) => [path, first.tree.get(path)?.stat.cversion]),
        );
      }),
      150,
    );
  });
});
