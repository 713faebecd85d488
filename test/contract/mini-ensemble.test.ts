/** The contract on three mini-servers that are one ensemble: what a client sees of one server, it sees of several. */
import { describe, expect } from 'vitest';
import { digestId } from '../../src/protocol/acls.js';
import { MiniEnsemble } from '../../src/testing/ensemble/mini-ensemble.js';
import { registerAll } from './all.js';
import { ContractTarget } from './target.js';

describe('contract on a mini-ensemble', () => {
  registerAll(
    new ContractTarget({
      version: '3.9.3',
      start: async () => {
        const ensemble = await MiniEnsemble.start({
          observers: 1,
          reconfigEnabled: false,
          superDigest: digestId('super:test'),
          containerCheckIntervalMs: 50,
        });
        return {
          connectString: ensemble.connectString,
          stop: async () => {
            // every connection is gone by now, and its watches must have gone with it
            expect(ensemble.members.map((member) => member.watchCount())).toEqual([0, 0, 0, 0]);
            await ensemble.close();
          },
        };
      },
    }),
  );
});
