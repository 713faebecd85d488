import { describe, expect } from 'vitest';
import { digestId } from '../../src/protocol/acls.js';
import { MiniServer } from '../../src/testing/mini-server.js';
import type { Emulation } from '../../src/testing/release.js';
import { CONTRACT_ON_MINI } from '../support/contract-reporter.js';
import { registerAll } from './all.js';
import { ContractTarget } from './target.js';

describe(CONTRACT_ON_MINI, () => contractOf('3.9', '3.9.3'));
describe('contract on a mini-server that is like 3.8.0', () => contractOf('3.8', '3.8.0'));

function contractOf(emulate: Emulation, version: string): void {
  registerAll(
    new ContractTarget({
      version,
      start: async () => {
        const server = await MiniServer.start({
          emulate,
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
}
