/** Read-only mode of a server by itself and of a member of an ensemble: the scenarios of real servers. */
import { describe, expect, it } from 'vitest';
import { MiniEnsemble, MiniServer } from '../../../src/testing.js';
import { RawClient } from '../../support/raw-client.js';
import { readOnlyScenarios } from '../../support/read-only-scenarios.js';

const TICK = { tickTimeMs: 100 };

describe('a mini-server', () => {
  readOnlyScenarios(async () => {
    const server = await MiniServer.start(TICK);
    server.readOnly();
    return { port: server.port, stop: () => server.close() };
  });

  it('ends no session from before and no node that is due, also when it is told to', async () => {
    await using server = await MiniServer.start();
    const owner = await RawClient.open(server);
    const { sessionId } = owner.session!;
    const mode = server.readOnly();
    const before = server.lastZxid;
    expect(server.expireSession(sessionId)).toBe(false);
    server.reap();
    expect(server.lastZxid).toBe(before);
    mode.end();
    expect(server.expireSession(sessionId)).toBe(true);
    expect(server.lastZxid).toBe(before + 1n);
    owner.destroy();
  });

  it('that restores a snapshot meanwhile keeps its sessions', async () => {
    await using server = await MiniServer.start();
    const owner = await RawClient.open(server);
    const { sessionId, passwd } = owner.session!;
    const create = {
      path: '/mine',
      data: null,
      acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
      flags: 1,
    };
    expect((await owner.call('create', create)).errno).toBe(0);
    const snapshot = server.snapshot({ ephemerals: true });
    const mode = server.readOnly();
    const reader = await RawClient.open(server, { readOnly: true });
    // a session of this server alone is none to go on with elsewhere
    expect(server.sessions).toHaveLength(2);
    expect(server.snapshot({ ephemerals: true }).sessions).toEqual(snapshot.sessions);
    server.restore(snapshot);
    expect(await reader.frame()).toBeNull();
    mode.end();
    const again = await RawClient.open(server, { sessionId, passwd });
    expect(again.session!.sessionId).toBe(sessionId);
    expect(server.sessions.map(({ ephemerals }) => ephemerals)).toEqual([['/mine']]);
    again.destroy();
  });
});

describe('a member of a mini-ensemble', () => {
  readOnlyScenarios(async () => {
    const ensemble = await MiniEnsemble.start({ ...TICK, readOnlyMode: true });
    ensemble.partition([[0], [1, 2]]);
    return { port: ensemble.members[0]!.port, stop: () => ensemble.close() };
  });
});
