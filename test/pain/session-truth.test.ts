/** What a Conn says of its session when servers fall silent, change their mind, or answer with another one. */
import { describe, expect, it } from 'vitest';
import type { Conn } from '../../src/client/conn.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { ConnectionLossError, SessionExpiredError } from '../../src/protocol/errors.js';
import type { Watcher } from '../../src/session/watches.js';
import { CoreWorld } from '../support/core-world.js';
import { ScriptedServer, rejectionOf, settle } from '../support/scripted-server.js';

const T = 9000;

/** Lets time pass up to a moment, counted from `start`, and says the state just before it and at it. */
async function around(server: ScriptedServer, conn: Conn, start: number, ms: number): Promise<string> {
  const { clock } = server;
  await clock.advance(start + ms - 1 - clock.now());
  const before = conn.state;
  await clock.advance(1);
  return `${before} ${conn.state}`;
}

/** Everything that a Conn says of its session, in one list. */
function listen(conn: Conn): string[] {
  const said: string[] = [];
  conn.on('state', ({ state }) => void said.push(state));
  conn.on('connection', (state) => void said.push(state));
  conn.on('session', ({ what, sessionId }) => void said.push(`${what} ${sessionId}`));
  return said;
}

async function armWatch(server: ScriptedServer, conn: Conn) {
  const call = conn.existsW('/w');
  await settle();
  await server.link.refuse(server.link.takeOne(), Errno.NoNode);
  return (await call).watch;
}

describe('a server that goes silent, with its sockets open', () => {
  it('is left after 2T/3; after 4T/3 the session is over with all that was of it, and a new one is tried [A1]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const watch = await armWatch(server, conn);
    const event = rejectionOf(watch.event);
    const next = rejectionOf(watch.next());
    const said = listen(conn);
    const start = server.clock.now();
    expect(await around(server, conn, start, (2 * T) / 3)).toBe('SyncConnected Disconnected');
    expect(said).toEqual(['Disconnected', 'SUSPENDED']);
    // nothing that anybody could take for a living session until the end of it
    await server.clock.advance(T / 3);
    expect([conn.state, said.at(-1)]).toEqual(['Disconnected', 'SUSPENDED']);
    expect(await around(server, conn, start, (4 * T) / 3)).toBe('Disconnected Expired');
    expect(said.slice(2)).toEqual(['Expired', `expired 2748`, 'LOST']);
    expect([await event, await next]).toEqual([
      expect.any(SessionExpiredError),
      expect.any(SessionExpiredError),
    ]);
    expect(conn.sessionId).toBe(0n);
    await server.clock.advance(1000);
    await server.link.welcome({ sessionId: 2n });
    expect(server.link.handshake.sessionId).toBe(0n);
    expect(said.slice(5)).toEqual(['SyncConnected', 'new 2', 'CONNECTED']);
    await server.close(conn);
  });

  it.each(['idle', 'busy'])(
    'while we are %s costs it the connection: the next server is dialed within 2T/3 [A7]',
    async (what) => {
      const server = new ScriptedServer();
      const conn = await server.connected();
      const start = server.clock.now();
      const outcomes: Promise<unknown>[] = [];
      while (server.clock.now() < start + (2 * T) / 3 - 500) {
        if (what === 'busy') outcomes.push(rejectionOf(conn.get('/a')));
        await server.clock.advance(500);
      }
      expect(server.links).toHaveLength(1);
      await server.clock.advance(500);
      expect(server.dialed).toEqual(['a:1', 'b:1']);
      expect(server.links[0]?.destroyed).toBe(true);
      // bytes went out all the time: it is not what we send that counts
      expect(server.links[0]?.requests.length).toBe(what === 'busy' ? outcomes.length : 1);
      for (const outcome of outcomes) expect(await outcome).toBeInstanceOf(ConnectionLossError);
      await server.close(conn);
    },
  );
});

describe('the clock of a session that is lost', () => {
  it.each(['never', 'at once', 'late'])(
    'runs with the negotiated timeout from the last message, and the socket closes %s [A2]',
    async (when) => {
      const server = new ScriptedServer();
      const conn = server.conn({ sessionTimeoutMs: 30_000, connectTimeoutMs: 1000 });
      const connecting = conn.connect();
      await settle();
      await server.link.welcome({ timeOut: T });
      await connecting;
      const said = listen(conn);
      // the last word of the server is the answer to a ping, some time after the session began
      await server.clock.advance(2000);
      await server.link.answer(server.link.takeOne(), {});
      const heard = server.clock.now();
      if (when === 'at once') await server.link.fail();
      await server.clock.advance(4000);
      if (when === 'late') await server.link.fail();
      await server.clock.advance(heard + (4 * T) / 3 - 1 - server.clock.now());
      expect(said).toEqual(['Disconnected', 'SUSPENDED']);
      await server.clock.advance(1);
      expect(said.slice(2)).toEqual(['Expired', `expired 2748`, 'LOST']);
      await server.close(conn);
    },
  );
});

describe('a session that the server has ended', () => {
  it('is over first, with its id, and then the same Conn has a new one [A3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({}, 'a:1');
    const watch = await armWatch(server, conn);
    const said = listen(conn);
    await server.link.fail();
    await server.clock.advance(100);
    await server.link.connect();
    await server.link.accept({ sessionId: 0n, timeOut: 0 });
    expect([conn.sessionId, conn.sessionEpoch]).toEqual([0n, 1]);
    expect(await rejectionOf(watch.event)).toBeInstanceOf(SessionExpiredError);
    await server.link.welcome({ sessionId: 2n });
    expect(said).toEqual([
      ...['Disconnected', 'SUSPENDED'],
      ...['Expired', `expired 2748`, 'LOST'],
      ...['SyncConnected', 'new 2', 'CONNECTED'],
    ]);
    expect([conn.sessionId, conn.sessionEpoch]).toEqual([2n, 2]);
    // the watch of the old session is not armed in the new one
    expect(server.link.requests).toEqual([]);
    await server.close(conn);
  });

  it('is the end of the Conn where the option says so [A3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ sessionExpiry: 'close' });
    await server.link.fail();
    await server.link.connect();
    await server.link.accept({ sessionId: 0n, timeOut: 0 });
    expect(await conn.closed).toMatchObject({ state: 'Expired' });
    const dials = server.links.length;
    await server.clock.advance(10 * T);
    expect(server.links).toHaveLength(dials);
    await conn.close();
  });

  it('and replaced by another one is over, with its watches, before the other is seen [A13]', () => {
    const w = new CoreWorld();
    w.goLive(1n);
    /** What had been said of sessions when the watch ended. */
    let saidBefore: string[] | null = null;
    const watcher: Watcher = {
      armed: () => undefined,
      fired: () => undefined,
      suspended: () => undefined,
      missed: () => undefined,
      ended: (error) => {
        expect(error).toBeInstanceOf(SessionExpiredError);
        saidBefore = [...w.sessions];
      },
    };
    w.get('/w', watcher);
    w.flush();
    w.replyData(1);
    w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
    w.core.dialed(w.epoch);
    expect(w.connectRequest().sessionId).toBe(1n);
    w.accept(2n);
    expect(w.events.flatMap((e) => (e.type === 'session' ? [[e.what, e.id]] : []))).toEqual([
      ['new', 1n],
      ['expired', 1n],
      ['new', 2n],
    ]);
    expect(saidBefore).not.toContain('resumed');
    expect(saidBefore).toSatisfy((said: string[]) => said.filter((what) => what === 'new').length === 1);
    // nothing of the old session is armed in the new one
    expect(w.requests()).toEqual([]);
  });
});

describe('the timeout that the server grants', () => {
  it('can be seen, and pings, the read deadline and the expiry follow it, also after it was granted anew [A14]', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ sessionTimeoutMs: 30_000, connectTimeoutMs: 100 });
    const connecting = conn.connect();
    await settle();
    await server.link.welcome({ timeOut: 6000 });
    await connecting;
    for (const granted of [6000, 12_000, 4500]) {
      if (granted !== 6000) await server.cutAndResume({ timeOut: granted });
      expect(conn.negotiatedTimeoutMs).toBe(granted);
      const start = server.clock.now();
      const pingAfter = Math.max(1000, granted / 3 - 1000);
      server.link.take();
      await server.clock.advance(pingAfter - 1);
      expect(server.link.take()).toEqual([]);
      await server.clock.advance(1);
      expect(server.link.takeOne().op.name).toBe('ping');
      expect(await around(server, conn, start, (2 * granted) / 3)).toBe('SyncConnected Disconnected');
      await server.clock.advance(0);
    }
    const start = server.clock.now() - (2 * 4500) / 3;
    expect(await around(server, conn, start, (4 * 4500) / 3)).toBe('Disconnected Expired');
    await server.close(conn);
  });
});

describe('dead hosts before a good one', () => {
  it('leave enough of the timeout to resume the session there [A15]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({}, 'good:1,hole:1,pit:1');
    const start = server.clock.now();
    await server.link.fail(new Error('cut'));
    // hole and pit take the connection and say nothing
    await server.clock.advance(T / 3);
    expect(server.dialed).toEqual(['good:1', 'hole:1', 'pit:1']);
    await server.link.connect();
    await server.clock.advance(T / 3);
    await server.clock.advance(100);
    expect(server.dialed.at(-1)).toBe('good:1');
    expect(server.clock.now() - start).toBeLessThan(T);
    await server.link.welcome();
    expect(server.link.handshake.sessionId).toBe(0xabcn);
    expect([conn.state, conn.sessionEpoch]).toEqual(['SyncConnected', 1]);
    await server.close(conn);
  });
});

describe('any run of changes', () => {
  it('reaches a listener at once and whole, and whoever looks seldom sees the newest state [A5]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const heard: string[] = [];
    conn.on('state', ({ state }) => void heard.push(state));
    // a slow listener: nobody waits for it, and nothing is kept for it
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- just what is tried here
    conn.on('state', () => new Promise(() => undefined));
    const truth: string[] = [];
    let expiries = 0;
    while (truth.length < 1000) {
      await server.link.fail();
      truth.push('Disconnected');
      if (truth.length % 7 === 0) {
        await server.link.connect();
        await server.link.accept({ sessionId: 0n, timeOut: 0 });
        truth.push('Expired');
        expiries++;
      }
      await server.link.welcome({ sessionId: BigInt(0xabc + expiries) });
      truth.push('SyncConnected');
      // a consumer that wakes once a second
      await server.clock.advance(1000);
      expect([conn.state, conn.sessionEpoch]).toEqual([truth.at(-1), expiries + 1]);
    }
    expect(heard).toEqual(truth);
    expect(expiries).toBeGreaterThan(50);
    await server.close(conn);
    expect(heard.at(-1)).toBe('Closed');
    expect(await conn.closed).toEqual({ state: 'Closed' });
  });
});
