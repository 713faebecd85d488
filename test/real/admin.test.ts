/** The admin server of real servers. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminCommand, connect, type Conn } from '../../src/index.js';
import { CommandRefusedError } from '../../src/protocol/errors.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

onEveryRelease('the admin server', (version) => {
  let server: RealServer;
  let conn: Conn;
  let url: string;
  beforeAll(async () => {
    server = await startRealServer({
      version,
      config: (spare) => ({
        'admin.enableServer': 'true',
        'admin.serverAddress': '127.0.0.1',
        'admin.serverPort': String(spare[0]),
      }),
    });
    url = `http://127.0.0.1:${server.spare[0] ?? 0}`;
    conn = await connect(server.connectString);
    await conn.create('/e', 'x', { mode: 'EPHEMERAL' });
    await conn.getW('/e');
  });
  const ask: typeof adminCommand = (base, command, options) =>
    adminCommand(base, command, { timeoutMs: 60_000, ...options });
  afterAll(async () => {
    await conn.close();
    await server.stop();
  });

  it('answers what has a type', async () => {
    expect(await ask(url, 'ruok')).toMatchObject({ command: 'ruok', error: null });
    const { version: text, node_count, server_stats } = await ask(url, 'server_stats');
    expect(text).toContain(version);
    expect(node_count).toBe(6);
    expect(server_stats).toMatchObject({ server_state: 'standalone', last_processed_zxid: conn.lastZxid });
    expect(await ask(url, 'monitor')).toMatchObject({ server_state: 'standalone', znode_count: 6 });
    expect(await ask(url, 'configuration')).toMatchObject({
      client_port: server.port,
      tick_time: 500,
    });
    expect((await ask(url, 'environment'))['zookeeper.version']).toContain(version);
    expect(await ask(url, 'is_read_only')).toMatchObject({ read_only: false });
    expect(await ask(url, 'watch_summary')).toMatchObject({ num_total_watches: 1 });
    await ask(url, 'dirs');
    await ask(url, 'get_trace_mask');
  });

  it('shows sessions by their whole ids', async () => {
    const { sessionId } = conn;
    expect(sessionId > BigInt(Number.MAX_SAFE_INTEGER)).toBe(true);
    const { connections } = await ask(url, 'connections');
    expect(connections).toMatchObject([{ session_id: sessionId }]);
    const { session_id_to_watched_paths: paths } = await ask(url, 'watches');
    expect(paths).toEqual({ [String(sessionId)]: ['/e'] });
    expect((await ask(url, 'watches_by_path')).path_to_session_ids).toEqual({ '/e': [sessionId] });
    expect((await ask(url, 'stats')).connections).toHaveLength(1);
  });

  it('refuses what it does not know, or what needs credentials', async () => {
    await expect(ask(url, 'nothing')).rejects.toMatchObject({ status: 200, op: 'nothing' });
    // a standalone server has no leader
    await expect(ask(url, 'leader')).rejects.toBeInstanceOf(CommandRefusedError);
    if (version.startsWith('3.8')) return;
    const params = { streaming: 'false' };
    await expect(ask(url, 'snapshot', { params })).rejects.toMatchObject({ status: 401 });
    const taken = await ask(url, 'snapshot', { params, auth: 'digest super:test' });
    expect(taken).toMatchObject({ command: 'snapshot', error: null });
  });
});
