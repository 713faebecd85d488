/** Four-letter words, as far as tools rely on them. */
import { describe, expect, it } from 'vitest';
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
        /^Outstanding: \d+$/m,
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

    it('end the connection, and a word that is none is the length of a frame', async () => {
      const client = await target.socket();
      client.sendBytes('what');
      expect(await client.frame()).toBeNull();
    });
  });
}
