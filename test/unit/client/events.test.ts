import { describe, expect, it } from 'vitest';
import { EventSource, connectionStateOf, type ConnEvents } from '../../../src/client/events.js';
import type { Conn } from '../../../src/client/conn.js';
import { EventTypeCode } from '../../../src/protocol/constants.js';
import {
  ConnectTimeoutError,
  InvalidArgumentError,
  LinkError,
  ReadTimeoutError,
} from '../../../src/protocol/errors.js';
import { notification } from '../../support/core-world.js';
import { ScriptedServer, catchingUncaught, settle } from '../../support/scripted-server.js';

/** Everything that a Conn says, in order: `state:Connecting`, `connection:LOST`, `session:new`. */
function listen(conn: Conn): string[] {
  const heard: string[] = [];
  conn.on('state', ({ state }) => void heard.push(`state:${state}`));
  conn.on('connection', (state) => void heard.push(`connection:${state}`));
  conn.on('session', ({ what }) => void heard.push(`session:${what}`));
  conn.on('watch', ({ type, path }) => void heard.push(`watch:${type} ${path}`));
  conn.on('connectError', ({ server, attempt }) => void heard.push(`error:${server ?? '?'} ${attempt}`));
  return heard;
}

/** What was heard since the last call. */
const since = (heard: string[]): string[] => heard.splice(0);

const BEGINS = ['state:SyncConnected', 'session:new', 'connection:CONNECTED'];
const RESUMES = ['state:SyncConnected', 'session:resumed', 'connection:RECONNECTED'];
const EXPIRES = ['state:Expired', 'session:expired', 'connection:LOST'];

describe('the events of a whole story', () => {
  it('are said in both vocabularies, in order', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const heard = listen(conn);
    const payloads: ConnEvents['state'][] = [];
    conn.on('state', (event) => void payloads.push(event));
    void conn.connect();
    await settle();
    await server.link.fail();
    expect(since(heard)).toEqual(['state:Connecting', 'error:a:1 1']);
    await server.link.welcome({ sessionId: 1n });
    expect(since(heard)).toEqual(BEGINS);
    await server.link.fail();
    expect(since(heard)).toEqual(['state:Disconnected', 'connection:SUSPENDED']);
    await server.link.fail();
    expect(since(heard)).toEqual(['error:c:1 1']);
    await server.clock.advance(1000);
    await server.link.welcome({ sessionId: 1n });
    expect(since(heard)).toEqual(RESUMES);
    await server.link.fail();
    since(heard);
    await server.link.welcome({ sessionId: 0n, timeOut: 0 });
    expect(since(heard)).toEqual(EXPIRES);
    await server.clock.advance(1000);
    await server.link.welcome({ sessionId: 2n });
    expect(since(heard)).toEqual(BEGINS);
    await server.link.send(notification(EventTypeCode.NodeCreated, '/x'));
    expect(since(heard)).toEqual(['watch:NodeCreated /x']);
    await server.close(conn);
    expect(since(heard)).toEqual(['state:Closed', 'connection:LOST']);
    expect(
      payloads.map(({ state, server: name, sessionId, sessionEpoch }) => [
        state,
        name,
        sessionId,
        sessionEpoch,
      ]),
    ).toEqual([
      ['Connecting', undefined, 0n, 0],
      ['SyncConnected', 'b:1', 1n, 1],
      ['Disconnected', undefined, 1n, 1],
      ['SyncConnected', 'a:1', 1n, 1],
      ['Disconnected', undefined, 1n, 1],
      ['Expired', undefined, 0n, 1],
      ['SyncConnected', 'c:1', 2n, 2],
      ['Closed', undefined, 2n, 2],
    ]);
    expect(payloads.map(({ cause }) => cause?.code)).toEqual([
      undefined,
      undefined,
      'ZK_LINK',
      undefined,
      'ZK_LINK',
      'ZK_SESSION_EXPIRED',
      undefined,
      undefined,
    ]);
  });

  it('never say the same state twice in a row', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const states: string[] = [];
    conn.on('state', ({ state }) => void states.push(state));
    for (let i = 0; i < 3; i++) {
      await server.link.fail();
      await server.link.fail();
      await server.clock.advance(1500);
      await server.link.welcome();
    }
    await server.link.fail();
    await server.clock.advance(1500);
    await server.link.welcome({ sessionId: 7n });
    await server.close(conn);
    expect(states.every((state, i) => state !== states[i - 1])).toBe(true);
    expect(states).toContain('Expired');
    expect(states.at(-1)).toBe('Closed');
  });

  it('tell of a session that the server replaced by another one', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.link.fail();
    const heard = listen(conn);
    await server.link.welcome({ sessionId: 7n });
    expect(heard).toEqual([...EXPIRES, ...BEGINS]);
    await server.close(conn);
  });

  it('tell of an end by expiry', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected({ sessionExpiry: 'close' });
    await server.link.fail();
    const heard = listen(conn);
    await server.link.welcome({ sessionId: 0n, timeOut: 0 });
    expect(since(heard)).toEqual(EXPIRES);
    await conn.close();
    expect(since(heard)).toEqual(['state:Closed']);
  });

  it('tell once that a session is lost: by a refused credential, and not again by close', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const heard = listen(conn);
    const adding = conn.addAuth('digest', 'u:p').catch(() => undefined);
    await settle();
    await server.link.refuse(server.link.takeOne(), -115);
    await adding;
    expect(since(heard)).toEqual(['state:AuthFailed', 'connection:LOST']);
    await conn.close();
    expect(since(heard)).toEqual(['state:Closed']);
  });

  it('tell nothing of a session where there was none', async () => {
    const server = new ScriptedServer();
    const idle = server.conn();
    const heard = listen(idle);
    await idle.close();
    expect(since(heard)).toEqual(['state:Closed']);
    const dialing = server.conn();
    const heardToo = listen(dialing);
    const connecting = dialing.connect().catch(() => undefined);
    await settle();
    await dialing.close();
    await connecting;
    expect(since(heardToo)).toEqual(['state:Connecting', 'state:Closed']);
  });

  it('tell of a loss when the Conn is closed while it is suspended', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    await server.link.fail();
    const heard = listen(conn);
    expect(await conn.close()).toEqual({ confirmed: false });
    expect(heard).toEqual(['state:Closed', 'connection:LOST']);
  });

  it.each(['session', 'connection', 'state'] as const)(
    'end with Closed when a listener of %s closes the Conn because its session is lost',
    async (event) => {
      const server = new ScriptedServer();
      const conn = await server.connected();
      await server.link.fail();
      const heard = listen(conn);
      conn.on(event, () => void conn.close());
      await server.link.welcome({ sessionId: 0n, timeOut: 0 });
      expect(heard.filter((word) => word.startsWith('state:')).at(-1)).toBe('state:Closed');
      expect(heard.filter((word) => word === 'connection:LOST')).toHaveLength(1);
      expect(conn.state).toBe('Closed');
      expect(await conn.closed).toEqual({ state: 'Closed' });
      expect(server.clock.timers).toBe(0);
    },
  );

  it.each(['session', 'connection', 'state', 'connectError'] as const)(
    'may close the Conn from a listener of %s at any time, and nothing is left',
    async (event) => {
      // whichever of its events comes first, second, and so on
      for (let count = 1; count <= 4; count++) {
        const server = new ScriptedServer();
        const conn = server.conn();
        let seen = 0;
        conn.on(event, () => {
          if (++seen === count) void conn.close();
        });
        const connecting = conn.connect({ timeoutMs: 0 }).catch(() => undefined);
        await settle();
        // closeSession is answered by whoever is asked
        const finish = async (): Promise<void> => {
          if (server.links.length === 0) return;
          const request = server.link.take().find(({ op }) => op.name === 'closeSession');
          if (request !== undefined) await server.link.answer(request, {});
        };
        const steps = [
          () => server.link.fail(),
          () => server.link.welcome(),
          () => server.link.fail(),
          () => server.link.fail(),
          () => server.clock.advance(200),
          () => server.link.welcome(),
          () => server.link.fail(),
          () => server.link.welcome({ sessionId: 0n, timeOut: 0 }),
          () => server.clock.advance(400),
          () => server.link.welcome({ sessionId: 9n }),
        ];
        for (const step of steps) {
          if (server.links.length > 0) await step();
          await finish();
        }
        const closing = conn.close();
        await settle();
        await finish();
        await closing;
        await connecting;
        expect([event, count, conn.state]).toEqual([event, count, 'Closed']);
        expect(await conn.closed).toEqual({ state: 'Closed' });
        expect(server.clock.timers).toBe(0);
        expect(server.links.every(({ closed }) => closed)).toBe(true);
      }
    },
  );
});

describe('connectError', () => {
  it('names the server, counts the failures in a row, and says why', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    const events: ConnEvents['connectError'][] = [];
    conn.on('connectError', (event) => void events.push(event));
    void conn.connect();
    await settle();
    await server.link.fail(new Error('refused'));
    await server.clock.advance(3000);
    await server.link.connect();
    await server.link.send(Buffer.from('HTTP/1.1 400'));
    await server.clock.advance(1000);
    await server.link.connect();
    await server.link.end();
    expect(events.map((e) => [e.server, e.attempt, e.error.code])).toEqual([
      ['a:1', 1, 'ZK_LINK'],
      ['b:1', 2, 'ZK_CONNECT_TIMEOUT'],
      ['c:1', 3, 'ZK_HANDSHAKE'],
      ['a:1', 4, 'ZK_LINK'],
    ]);
    expect(events[0]?.error).toBeInstanceOf(LinkError);
    expect(events[0]?.error.cause).toEqual(new Error('refused'));
    expect(events[1]?.error).toBeInstanceOf(ConnectTimeoutError);
    await server.link.welcome();
    await server.link.fail();
    await server.link.fail();
    expect(events.at(-1)).toMatchObject({ attempt: 1 });
    await conn.close();
  });

  it("is not the name for the loss of a session's connection", async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const heard = listen(conn);
    const causes: unknown[] = [];
    conn.on('state', ({ cause }) => void causes.push(cause));
    await server.clock.advance(6000);
    expect(heard).toEqual(['state:Disconnected', 'connection:SUSPENDED']);
    expect(causes).toEqual([expect.any(ReadTimeoutError)]);
    await conn.close();
  });

  it('does not blame the server before for a provider that takes too long', async () => {
    const server = new ScriptedServer();
    let asked = 0;
    const conn = server.conn({
      hostProvider: {
        size: 2,
        next: () =>
          ++asked === 1
            ? { server: { host: 'first', port: 1 }, retryStart: false }
            : new Promise(() => undefined),
        connected: () => undefined,
      },
    });
    const blamed: (string | undefined)[] = [];
    conn.on('connectError', (event) => void blamed.push(event.server));
    void conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    await settle();
    await server.link.fail();
    await server.clock.advance(4500);
    expect(blamed).toEqual(['first:1', undefined]);
    await conn.close();
  });
});

describe('a listener', () => {
  it('that throws disturbs neither the others nor the connection, and surfaces', async () => {
    const server = new ScriptedServer();
    let conn: Conn | undefined;
    let heard: string[] = [];
    const caught = await catchingUncaught(async () => {
      conn = server.conn();
      for (const event of ['state', 'connection', 'session', 'watch', 'connectError'] as const) {
        conn.on(event, () => {
          throw new Error(`mine: ${event}`);
        });
      }
      heard = listen(conn);
      const connecting = conn.connect();
      await settle();
      await server.link.fail();
      await server.link.welcome();
      await server.link.send(notification(EventTypeCode.NodeCreated, '/x'));
      await connecting;
    });
    expect(heard).toEqual(['state:Connecting', 'error:a:1 1', ...BEGINS, 'watch:NodeCreated /x']);
    expect(caught.map((error) => (error as Error).message)).toEqual([
      'mine: state',
      'mine: connectError',
      'mine: state',
      'mine: session',
      'mine: connection',
      'mine: watch',
    ]);
    expect(conn?.state).toBe('SyncConnected');
    if (conn !== undefined) {
      const closing = conn;
      await catchingUncaught(() => server.close(closing));
    }
  });

  it('that gives a promise is not waited for', async () => {
    const server = new ScriptedServer();
    const conn = server.conn();
    conn.on('state', () => new Promise(() => undefined) as unknown as undefined);
    const connecting = conn.connect();
    await settle();
    await server.link.welcome();
    expect(await connecting).toBe(conn);
    await server.close(conn);
  });

  const pair = (): { source: EventSource; heard: string[]; a: () => void; b: () => void } => {
    const heard: string[] = [];
    return { source: new EventSource(), heard, a: () => heard.push('a'), b: () => heard.push('b') };
  };

  it('is called in the order of the calls of on', () => {
    const { source, heard, a, b } = pair();
    source.on('connection', b);
    source.on('connection', a);
    source.emit('connection', 'LOST');
    expect(heard).toEqual(['b', 'a']);
  });

  it('of once is called once, also when it makes the event come again', () => {
    const source = new EventSource();
    let calls = 0;
    source.once('connection', () => {
      calls++;
      source.emit('connection', 'LOST');
    });
    source.emit('connection', 'LOST');
    source.emit('connection', 'LOST');
    expect(calls).toBe(1);
  });

  it('is not called after off, whether of on or of once', () => {
    const { source, heard, a, b } = pair();
    source.on('connection', a);
    source.once('connection', b);
    source.off('connection', a);
    source.off('connection', b);
    source.off('connection', () => undefined);
    source.emit('connection', 'LOST');
    expect(heard).toEqual([]);
  });

  it('of one event is not one of another', () => {
    const { source, heard, a } = pair();
    source.on('connection', a);
    source.on('state', a);
    source.off('state', a);
    source.emit('connection', 'LOST');
    expect(heard).toEqual(['a']);
  });

  it('may stop another one, or itself, while it is called', () => {
    const { source, heard, a } = pair();
    const self = (): void => {
      heard.push('self');
      source.off('connection', self);
    };
    source.on('connection', self);
    source.on('connection', a);
    source.emit('connection', 'LOST');
    source.emit('connection', 'LOST');
    expect(heard).toEqual(['self', 'a', 'a']);
  });

  it.each([undefined, null, 'x', {}])('must be a function: %s', (listener) => {
    const conn = new ScriptedServer().conn();
    for (const method of ['on', 'once', 'off'] as const) {
      expect(() => conn[method]('state', listener as () => void)).toThrow(InvalidArgumentError);
    }
  });

  it.each(['', 'states', 'State', 'error', 'toString', '__proto__'])('listens to no event %j', (name) => {
    const conn = new ScriptedServer().conn();
    for (const method of ['on', 'once'] as const) {
      expect(() => conn[method](name as 'state', () => undefined)).toThrow(InvalidArgumentError);
    }
    expect(() => conn.off(name as 'state', () => undefined)).not.toThrow();
  });

  it('is set and unset on a Conn, which gives itself', () => {
    const conn = new ScriptedServer().conn();
    const listener = (): void => undefined;
    expect(conn.on('state', listener).once('watch', listener).off('state', listener)).toBe(conn);
  });
});

describe('connectionStateOf', () => {
  it.each([
    ['new', null, 'CONNECTED'],
    ['new', 'LOST', 'CONNECTED'],
    ['resumed', 'SUSPENDED', 'RECONNECTED'],
    ['expired', 'SUSPENDED', 'LOST'],
    ['expired', 'LOST', null],
    ['Disconnected', 'CONNECTED', 'SUSPENDED'],
    ['Disconnected', 'RECONNECTED', 'SUSPENDED'],
    ['Closed', 'CONNECTED', 'LOST'],
    ['Closed', 'SUSPENDED', 'LOST'],
    ['Closed', 'LOST', null],
    ['Closed', null, null],
    ['AuthFailed', 'CONNECTED', 'LOST'],
    ['AuthFailed', null, null],
    ['Connecting', null, null],
    ['SyncConnected', 'CONNECTED', null],
    ['Expired', 'SUSPENDED', null],
  ] as const)('%s after %s is %s', (change, before, expected) => {
    expect(connectionStateOf(change, before)).toBe(expected);
  });
});
