/** Dialers, providers and clocks of the user's own that do what they should not: the Conn goes on. */
import { describe, expect, it } from 'vitest';
import type { Dialer, HostProvider, TransportEvents } from '../../../src/index.js';
import {
  ScriptedServer,
  catchingUncaught,
  handshakeFrame,
  settle,
  watchOutcome,
} from '../../support/scripted-server.js';

/** Passes to another dialer, and reports the end from within `destroy`. */
function eager(inner: Dialer): Dialer {
  return (server, events) => {
    let closed = false;
    const onClose = (error?: Error): void => {
      if (!closed) events.onClose(error);
      closed = true;
    };
    const transport = inner(server, { ...events, onClose });
    return {
      write: (bytes) => transport.write(bytes),
      destroy: () => {
        transport.destroy();
        onClose();
      },
    };
  };
}

/** Passes to another dialer until told to break; then a write reports the end from within. */
function breaking(inner: Dialer): { dialer: Dialer; breakNow: () => void; writes: () => number } {
  let broken = false;
  let writes = 0;
  return {
    breakNow: () => (broken = true),
    writes: () => writes,
    dialer: (server, events) => {
      const own: TransportEvents = events;
      const transport = inner(server, own);
      return {
        destroy: () => transport.destroy(),
        write: (bytes) => {
          if (!broken) return transport.write(bytes);
          writes++;
          broken = false;
          transport.destroy();
          own.onClose(new Error('EPIPE'));
          return false;
        },
      };
    },
  };
}

describe('a dialer that reports the end from within destroy', () => {
  it('is closed in peace', async () => {
    const server = new ScriptedServer();
    const errors = await catchingUncaught(async () => {
      const conn = await server.connected({ dialer: eager(server.dialer) });
      const closing = watchOutcome(conn.close());
      await settle();
      const [farewell] = server.link.take();
      await server.link.answer(farewell!, {});
      await settle();
      expect(closing.current).toEqual({ value: { confirmed: true } });
    });
    expect(errors).toEqual([]);
  });

  it('is given up for its silence, and replaced', async () => {
    const server = new ScriptedServer();
    const errors = await catchingUncaught(async () => {
      const conn = await server.connected({ dialer: eager(server.dialer), sessionTimeoutMs: 9000 });
      const states: string[] = [];
      conn.on('connection', (state) => states.push(state));
      await server.clock.advance(9000);
      await server.link.welcome();
      expect(states).toEqual(['SUSPENDED', 'RECONNECTED']);
      void conn.close();
      await server.clock.advance(2000);
    });
    expect(errors).toEqual([]);
  });
});

describe('a dialer that reports the end from within write', () => {
  it('costs what was handed to it, and nothing else: what waits is sent on the next connection', async () => {
    const server = new ScriptedServer();
    const { dialer, breakNow, writes } = breaking(server.dialer);
    const conn = await server.connected({ dialer });
    server.link.take();
    breakNow();
    const data = Buffer.alloc(40_000);
    const outcomes = ['/a', '/b', '/c'].map((path) => watchOutcome(conn.set(path, data)));
    await settle();
    await server.clock.advance(4000);
    await server.link.welcome();
    await settle();
    const unknown = outcomes.filter(({ current }) => current !== undefined).length;
    expect(writes()).toBe(1);
    expect(unknown).toBeGreaterThan(0);
    for (const { current } of outcomes.slice(0, unknown))
      expect(current).toMatchObject({ error: { outcome: 'unknown' } });
    const sent = server.link.take().map(({ request }) => (request as { path: string }).path);
    expect(sent).toEqual(['/a', '/b', '/c'].slice(unknown));
    void conn.close();
    await server.clock.advance(2000);
  });
});

describe('a dialer that gives no transport', () => {
  it('has failed, and nothing waits for it', async () => {
    const server = new ScriptedServer();
    const conn = server.conn({ dialer: (() => undefined) as unknown as Dialer });
    const errors: string[] = [];
    conn.on('connectError', ({ error }) => errors.push(error.message));
    const connecting = watchOutcome(conn.connect());
    await settle();
    expect(errors[0]).toContain('the dialer did not give');
    expect(await conn.close()).toEqual({ confirmed: false });
    await settle();
    expect(connecting.current).toMatchObject({ error: { code: 'ZK_CLOSED' } });
  });
});

function failing(): number {
  throw new Error('random');
}

describe('numbers of the user that make no sense', () => {
  it.each([
    ['NaN', () => NaN],
    ['1', () => 1],
    ['an exception', failing],
  ])('as random: %s', async (_name, nonsense) => {
    const server = new ScriptedServer();
    let bad = false;
    const conn = await server.connected({ random: () => (bad ? nonsense() : 0.5) });
    bad = true;
    await server.link.fail();
    await server.clock.advance(4000);
    await server.link.welcome();
    expect(conn.state).toBe('SyncConnected');
    void conn.close();
    await server.clock.advance(2000);
  });

  it('as size of the host provider: an exception', async () => {
    const server = new ScriptedServer();
    let bad = false;
    const hostProvider: HostProvider = {
      get size(): number {
        if (bad) throw new Error('size');
        return 1;
      },
      next: () => ({ server: { host: 'a', port: 1 }, retryStart: false }),
      connected: () => undefined,
    };
    const conn = await server.connected({ hostProvider });
    bad = true;
    await server.link.fail();
    await server.clock.advance(4000);
    await server.link.welcome();
    expect(conn.state).toBe('SyncConnected');
    void conn.close();
    await server.clock.advance(2000);
  });
});

describe('a transport that says what it should not', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a text', 'abc'],
    ['a number', 5],
  ])('as bytes: %s costs the connection', async (_what, chunk) => {
    const server = new ScriptedServer();
    const errors = await catchingUncaught(async () => {
      const conn = await server.connected();
      const first = server.link;
      first.events.onData(chunk as Buffer);
      await settle();
      expect(first.destroyed).toBe(true);
      await server.link.welcome();
      expect(conn.state).toBe('SyncConnected');
      await server.close(conn);
    });
    expect(errors).toEqual([]);
  });

  it('bytes that are no Buffer are as good', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const connecting = conn.connect();
    await settle();
    await server.link.connect();
    server.link.events.onData(new Uint8Array(handshakeFrame({})) as Buffer);
    await connecting;
    expect(conn.state).toBe('SyncConnected');
    await server.close(conn);
  });

  it.each<[string, unknown]>([
    ['a text', 'broken'],
    ['null', null],
    ['an object without a text', Object.create(null)],
  ])('as the reason of the end: %s', async (_what, reason) => {
    const server = new ScriptedServer();
    const errors = await catchingUncaught(async () => {
      const conn = await server.connected();
      server.link.closed = true;
      server.link.events.onClose(reason as Error);
      await settle();
      await server.link.welcome();
      expect(conn.state).toBe('SyncConnected');
      await server.close(conn);
    });
    expect(errors).toEqual([]);
  });

  it('throws from ref and unref: nothing comes of it', async () => {
    const server = new ScriptedServer();
    const errors = await catchingUncaught(async () => {
      const dialer: Dialer = (address, events) => {
        const transport = server.dialer(address, events);
        const held = { ref: failing, unref: failing };
        return { write: (b) => transport.write(b), destroy: () => transport.destroy(), ...held };
      };
      const conn = server.conn({ dialer });
      conn.unref();
      void conn.connect();
      await settle();
      await server.link.welcome();
      conn.ref();
      conn.unref();
      expect(conn.state).toBe('SyncConnected');
      await server.close(conn);
    });
    expect(errors).toEqual([]);
  });
});
