/** Four-letter words, as far as tools rely on them. */
import { describe, expect, it } from 'vitest';
import { OPEN_ACL_UNSAFE, askServer } from '../../../src/index.js';
import { fourLetterWord } from '../../support/raw-client.js';
import type { ContractTarget } from '../target.js';

export function words(target: ContractTarget): void {
  const ask = (word: string): Promise<string> => fourLetterWord(target.address, word);

  describe('four-letter words', () => {
    it('ruok', async () => {
      expect(await ask('ruok')).toBe('imok');
    });

    it('isro', async () => {
      expect(await ask('isro')).toBe('rw');
    });

    it('srvr', async () => {
      const text = await ask('srvr');
      expect(text).toMatch(/^Zookeeper version: \d+\.\d+\.\d+/);
      for (const line of [
        /^Latency min\/avg\/max: \d+\/[\d.]+\/\d+$/m,
        /^Received: \d+$/m,
        /^Sent: \d+$/m,
        /^Connections: [1-9]\d*$/m,
        // below 0 where a real server has answered a request before it counted it (ZooKeeperServer.submitRequestNow)
        /^Outstanding: -?\d+$/m,
        /^Zxid: 0x[0-9a-f]+$/m,
        /^Mode: (standalone|leader|follower|observer)$/m,
        /^Node count: [1-9]\d*$/m,
      ]) {
        expect(text).toMatch(line);
      }
    });

    it('srvr says the release that this target is said to be', async () => {
      expect(await ask('srvr')).toContain(`Zookeeper version: ${target.version}`);
    });

    it('envi', async () => {
      const text = await ask('envi');
      expect(text).toMatch(/^Environment:\nzookeeper\.version=\d/);
      expect(text).toMatch(/^host\.name=/m);
    });

    it('are understood by askServer', async () => {
      // a bare socket, which is certainly connected to the server that is asked
      const client = await target.raw();
      const { sessionId, timeOut } = client.session!;
      const path = target.at('/e');
      await client.call('create', { path, data: null, acl: OPEN_ACL_UNSAFE, flags: 1 });
      const status = await askServer(target.address, 'srvr');
      expect(target.version).toContain(
        `${status.version.major}.${status.version.minor}.${status.version.patch}`,
      );
      expect(['standalone', 'leader', 'follower']).toContain(status.mode);
      expect(status.readOnly).toBe(false);
      const own = (list: readonly { sessionId?: bigint }[]): unknown =>
        list.find((entry) => entry.sessionId === sessionId);
      expect(own(await askServer(target.address, 'cons'))).toMatchObject({
        timeoutMs: timeOut,
      });
      const dump = await askServer(target.address, 'dump');
      expect(dump.sessionIds).toContain(sessionId);
      expect(own(dump.ephemerals)).toMatchObject({ paths: [path] });
      expect(await askServer(target.address, 'mntr')).toMatchObject({
        zk_server_state: status.mode,
        zk_znode_count: expect.any(Number),
      });
      expect(await askServer(target.address, 'conf')).toMatchObject({ clientPort: target.address.port });
      for (const word of ['stat', 'envi', 'wchs', 'dirs', 'hash', 'gtmk', 'ruok', 'isro'] as const) {
        await askServer(target.address, word);
      }
    });

    it('end the connection, and a word that is none is the length of a frame', async () => {
      const client = await target.socket();
      client.sendBytes('what');
      expect(await client.frame()).toBeNull();
    });
  });
}
