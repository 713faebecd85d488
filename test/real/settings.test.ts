/** Settings of a server that clients feel: the mini-server obeys them as a real server does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, digestId, digestMd5 } from '../../src/index.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { MiniServer } from '../../src/testing.js';
import { RawClient, type Address } from '../support/raw-client.js';
import { startRealServer, type RealServer } from '../support/real-zookeeper.js';
import { onEveryRelease } from '../support/targets.js';

const JAAS = `Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required
  user_bob="secret"
  user_ann="secret";
};
`;

onEveryRelease('settings', (version) => {
  const emulate = version.startsWith('3.9') ? '3.9' : '3.8';
  let real: RealServer;
  let mini: MiniServer;
  beforeAll(async () => {
    real = await startRealServer({
      version,
      jaas: JAAS,
      config: {
        'authProvider.1': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider',
        reconfigEnabled: 'true',
      },
      properties: { 'zookeeper.superUser': 'bob', 'znode.container.maxNeverUsedIntervalMs': '10' },
    });
    mini = await MiniServer.start({
      emulate,
      sasl: { users: { bob: 'secret', ann: 'secret' } },
      superUser: 'bob',
      reconfigEnabled: true,
      containerCheckIntervalMs: 250,
      containerMaxNeverUsedIntervalMs: 10,
    });
  });
  afterAll(async () => {
    await mini.close();
    await real.stop();
  });

  describe.each<[string, () => Address & { readonly connectString: string }]>([
    ['the real server', () => real],
    ['the mini-server', () => mini],
  ])('%s', (_name, server) => {
    it('reconfigEnabled: a server by itself cannot, and the connection goes on', async () => {
      const client = await RawClient.open(server());
      const none = { joiningServers: null, leavingServers: null, newMembers: null };
      expect((await client.call('reconfig', { ...none, curConfigId: -1n })).errno).toBe(-6);
      expect((await client.call('reconfig', { ...none, newMembers: 'garbage', curConfigId: 7n })).errno).toBe(
        -6,
      );
      expect((await client.call('exists', { path: '/', watch: false })).errno).toBe(0);
      client.destroy();
    });

    it('superUser: may do everything, and others may not', async () => {
      const as = (username: string) =>
        connect(server().connectString, { sasl: digestMd5({ username, password: 'secret' }) });
      await using ann = await as('ann');
      const acl = [{ perms: 31, scheme: 'digest', id: digestId('else:where') }];
      await ann.create('/closed', 'x', { acl });
      await expect(ann.get('/closed')).rejects.toMatchObject({ code: 'ZK_NO_AUTH' });
      await using bob = await as('bob');
      expect(String((await bob.get('/closed')).data)).toBe('x');
      expect((await bob.getAcl('/closed')).acl).toEqual(acl);
      expect((await bob.whoAmI()).map(({ scheme }) => scheme).sort()).toEqual(['ip', 'sasl', 'super']);
      await bob.delete('/closed');
    });

    it('znode.container.maxNeverUsedIntervalMs: containers that never had a child go', async () => {
      const client = await RawClient.open(server());
      await client.call('addWatch', { path: '/c', mode: 0 });
      await client.call('createContainer', { path: '/c', data: null, acl: OPEN_ACL_UNSAFE, flags: 4 });
      expect(await client.event()).toMatchObject({ path: '/c', type: 1 });
      expect(await client.event()).toMatchObject({ path: '/c', type: 2 });
      client.destroy();
    });
  });
});
