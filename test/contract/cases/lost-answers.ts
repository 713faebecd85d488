import { describe, expect, it } from 'vitest';
import { connect, exponentialBackoff, noRetry, type CreateMode } from '../../../src/index.js';
import { LossyDialer, type Lost } from '../../support/lossy-dialer.js';
import { failure, type ContractTarget } from '../target.js';

const RETRY = { retry: exponentialBackoff({ baseMs: 1, maxMs: 20, maxAttempts: 50 }) };

/** Writes whose request or answer is lost on the way. */
export function lostAnswers(target: ContractTarget): void {
  describe.each<Lost>(['request', 'answer'])('with the %s lost [E19]', (lost) => {
    it('the idempotent calls give the right answer', async () => {
      const link = new LossyDialer();
      const conn = await connect(target.connectString + target.root, { dialer: link.dial });
      try {
        await conn.sync('/');
        link.lose('create', lost);
        expect(await conn.createIdempotent('/a', 'x', RETRY)).toBe('/a');
        link.lose('setData', lost);
        expect((await conn.setIdempotent('/a', 'y', 0, RETRY)).version).toBe(1);
        link.lose('delete', lost);
        await conn.deleteIdempotent('/a', 1, RETRY);
        expect(link.done).toBe(true);
        expect((await conn.children('/')).children).toEqual([]);
      } finally {
        await conn.close();
      }
    });

    it('deleteGuaranteed goes on behind its caller', async () => {
      const link = new LossyDialer();
      const conn = await connect(target.connectString + target.root, { dialer: link.dial });
      const other = await target.connect();
      try {
        await conn.create('/a');
        link.lose('delete', lost);
        const deleting = conn.deleteGuaranteed('/a', 0, { retry: noRetry });
        expect(await failure(deleting)).toMatchObject({ outcome: 'unknown' });
        const { stat, watch } = await other.existsW(target.at('/a'));
        if (stat !== null) expect(await watch.event).toMatchObject({ type: 'NodeDeleted' });
        expect(link.done).toBe(true);
      } finally {
        await conn.close();
      }
    });

    it.each<CreateMode>(['PERSISTENT', 'PERSISTENT_SEQUENTIAL', 'EPHEMERAL', 'EPHEMERAL_SEQUENTIAL'])(
      'createProtected makes one %s node, which is ours',
      async (mode) => {
        const link = new LossyDialer();
        const conn = await connect(target.connectString + target.root, { dialer: link.dial });
        try {
          await conn.sync('/');
          link.lose('create', lost);
          const path = await conn.createProtected('/n-', 'x', { mode, ...RETRY });
          expect(link.done).toBe(true);
          expect((await conn.children('/')).children).toEqual([path.slice(1)]);
          const owner = (await conn.exists(path))?.ephemeralOwner;
          expect(owner).toBe(mode.startsWith('EPHEMERAL') ? conn.sessionId : 0n);
        } finally {
          await conn.close();
        }
      },
    );
  });
}
