import { describe, expect, it } from 'vitest';
import type { Conn, ConnOptions, ConnWarning } from '../../../src/index.js';
import { EventTypeCode } from '../../../src/protocol/constants.js';
import { ChannelListener } from '../../support/channels.js';
import { STAT, notification } from '../../support/core-world.js';
import { ScriptedServer, catchingUncaught, settle } from '../../support/scripted-server.js';

const T = 9000;

interface World {
  readonly server: ScriptedServer;
  readonly conn: Conn;
  readonly warnings: ConnWarning[];
}

/** A Conn with a session, all time-outs those of a session of 9 s. */
async function start(options: ConnOptions = {}): Promise<World> {
  const server = new ScriptedServer();
  const conn = await server.connected(options);
  const warnings: ConnWarning[] = [];
  conn.on('warning', (warning) => void warnings.push(warning));
  return { server, conn, warnings };
}

const event = (server: ScriptedServer): Promise<void> =>
  server.link.send(notification(EventTypeCode.NodeCreated, '/x'));

describe('[M4] the warning slow-handler', () => {
  it('tells which listener took how long, on the Conn and on the channel', async () => {
    using channel = new ChannelListener<ConnWarning>('zk-conn:warning');
    const { server, conn, warnings } = await start();
    conn.on('watch', function rebuildIndex() {
      server.clock.jump(101);
    });
    await event(server);
    expect(warnings).toEqual([
      {
        kind: 'slow-handler',
        durationMs: 101,
        thresholdMs: 100,
        event: 'watch',
        handler: 'rebuildIndex',
        suppressed: 0,
      },
    ]);
    expect(channel.objects).toEqual(warnings);
    await server.close(conn);
  });

  it('is not given for one that is just not slow, and its limit is an option', async () => {
    for (const [slowHandlerMs, ms, count] of [
      [undefined, 100, 0],
      [20, 20, 0],
      [20, 21, 1],
      [0, 5000, 0],
    ] as const) {
      const { server, conn, warnings } = await start({ slowHandlerMs, loopLagMs: 0 });
      conn.on('watch', () => server.clock.jump(ms));
      await event(server);
      expect(warnings).toHaveLength(count);
      await server.close(conn);
    }
  });

  it('is given for each slow listener alone, also for one that throws, and for once()', async () => {
    const { server, conn, warnings } = await start();
    const fast = (): void => undefined;
    const thrown = new Error('of a listener');
    function slow(): void {
      server.clock.jump(500);
      throw thrown;
    }
    conn.on('watch', fast);
    conn.once('watch', slow);
    const caught = await catchingUncaught(() => event(server));
    expect(caught).toEqual([thrown]);
    expect(warnings.map(({ handler }) => handler)).toEqual(['slow']);
    await server.close(conn);
  });

  it('names the event that each listener heard of, when one event sets off another', async () => {
    const { server, conn, warnings } = await start();
    conn.on('watch', () => void conn.close());
    conn.on('state', () => undefined);
    conn.on('watch', function late() {
      server.clock.jump(500);
    });
    await event(server);
    expect(warnings.map((w) => [w.event, w.handler])).toEqual([['watch', 'late']]);
    await server.close(conn);
  });

  it('is not given for those who are slow to hear a warning', async () => {
    const { server, conn, warnings } = await start({ loopLagMs: 0 });
    conn.on('warning', () => server.clock.jump(60_000));
    conn.on('watch', () => server.clock.jump(500));
    await event(server);
    expect(warnings).toHaveLength(1);
    await server.close(conn);
  });

  it('is not repeated for 10 s; the next one says how many were left out', async () => {
    const { server, conn, warnings } = await start({ loopLagMs: 0 });
    conn.on('watch', () => server.clock.jump(200));
    for (let i = 0; i < 4; i++) await event(server);
    expect(warnings.map(({ suppressed }) => suppressed)).toEqual([0]);
    server.clock.jump(10_000);
    await event(server);
    expect(warnings.map(({ suppressed }) => suppressed)).toEqual([0, 3]);
    await server.close(conn);
  });
});

describe('[M4] the warning loop-lag', () => {
  it('tells how long the event loop stood still, behind the ping that was due', async () => {
    const { server, conn, warnings } = await start();
    let pinged = false;
    conn.on('warning', () => {
      pinged = server.link.requests.some(({ op }) => op.name === 'ping');
    });
    await server.clock.advance(T / 6);
    server.clock.jump(server.clock.nextIn + 950);
    await server.clock.advance(0);
    expect(warnings).toEqual([
      {
        kind: 'loop-lag',
        durationMs: 950,
        thresholdMs: T / 10,
        event: undefined,
        handler: undefined,
        suppressed: 0,
      },
    ]);
    expect(pinged).toBe(true);
    await server.close(conn);
  });

  it('is not given below its limit, which is an option', async () => {
    for (const [loopLagMs, ms, count] of [
      [undefined, T / 10, 0],
      [undefined, T / 10 + 1, 1],
      [50, 50, 0],
      [50, 51, 1],
      [0, T / 2, 0],
    ] as const) {
      const { server, conn, warnings } = await start({ loopLagMs });
      server.clock.jump(server.clock.nextIn + ms);
      await server.clock.advance(0);
      expect(warnings).toHaveLength(count);
      await server.close(conn);
    }
  });

  it('is not given while there is no session: nothing is lost then', async () => {
    const { server, conn, warnings } = await start();
    await server.link.fail();
    server.clock.jump(T);
    await server.clock.advance(0);
    expect(warnings).toEqual([]);
    await conn.close();
  });
});

describe('[M1] warnings', () => {
  it('need no listener', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    conn.on('watch', () => server.clock.jump(5000));
    const caught = await catchingUncaught(() => event(server));
    expect(caught).toEqual([]);
    const data = conn.get('/x');
    await settle();
    await server.link.answer(server.link.takeOne(), { data: Buffer.from('x'), stat: STAT });
    expect((await data).stat.version).toBe(0);
    await server.close(conn);
  });
});
