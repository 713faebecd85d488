import { describe, expect } from 'vitest';
import { digestId } from '../../src/protocol/acls.js';
import { MiniServer } from '../../src/testing/mini-server.js';
import { CONTRACT_ON_MINI } from '../support/contract-reporter.js';
import { registerAll } from './all.js';
import { ContractTarget } from './target.js';

describe(CONTRACT_ON_MINI, () => {
  registerAll(
    new ContractTarget({
      version: '3.9.3',
      start: async () => {
        const server = await MiniServer.start({
          superDigest: digestId('super:test'),
          containerCheckIntervalMs: 50,
        });
        return {
          connectString: server.connectString,
          stop: async () => {
            // every connection is gone by now, and its watches must have gone with it
            expect(server.watchCount()).toBe(0);
            await server.close();
          },
        };
      },
    }),
  );
});
