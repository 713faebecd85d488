/**
 * The mini-server against a real one. `ZK_PROGRAMS` sets how many programs, `ZK_SEED`, `ZK_SETTING` and `ZK_PATH` replay a
 * failure;
 * `npm run test:differential` sets them from its arguments.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MiniServer } from '../../src/testing/mini-server.js';
import { startRealServer } from '../support/real-zookeeper.js';
import { findZooKeeper, type Release } from '../support/zookeeper-jars.js';
import { compare, type Tally } from './difference.js';
import { SETTINGS, type Setting, type Setup } from './settings.js';
import { miniTarget, REAL_PROPERTIES, StandingTarget } from './targets.js';

const DEFAULT_PROGRAMS = 100;
const PROGRAMS = Number(process.env['ZK_PROGRAMS'] ?? DEFAULT_PROGRAMS);
const MS_PER_PROGRAM = 5_000;
/** Fixed, so that whoever changes something else meets no new race of a real server; long runs draw one. */
const SEED = Number(process.env['ZK_SEED'] ?? 20_261_121);
/** The only one that is wanted, by its key; all if it is empty. Those that are not plain have `npm run test:differential`. */
const SETTING = process.env['ZK_SETTING'] ?? (process.env['ZK_PROGRAMS'] === undefined ? 'plain' : '');
const PATH = process.env['ZK_PATH'] ?? '';

/** Registers the comparison with one release. */
export function differential(release: Release): void {
  const title = `mini-server and ZooKeeper ${release}`;
  describe(title, () => {
    const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper(release);
    if ('missing' in found) {
      if (process.env['ZK_REQUIRED'] === '1') throw new Error(`ZK_REQUIRED=1, but ${found.missing}`);
      process.stdout.write(`skipped: ${title}: ${found.missing}\n`);
      test.skip(found.missing, () => undefined);
      return;
    }
    const chosen = Object.entries<Setting>(SETTINGS).filter(([key]) => SETTING === '' || key === SETTING);
    test.each(chosen.map(([key, each]) => [Math.ceil(PROGRAMS * each.share), each.name, key, each] as const))(
      '%i programs are answered alike%s (%s)',
      async (runs, name, _key, setting) => {
        const setup: Setup = setting.setUp();
        const server = await startRealServer({
          version: release,
          ...setup.real,
          properties: { ...REAL_PROPERTIES, ...setup.real.properties },
        });
        const ground = { release, ...setup.ground };
        const port = ground.tls === undefined ? server.port : server.spare[0];
        const real = await StandingTarget.start(
          `ZooKeeper ${release}`,
          { host: server.host, port: port as number },
          ground,
          () => server.stop(),
        );
        const mini = miniTarget('mini-server', (given) => MiniServer.start(given), ground, setup.mini);
        const tally: Tally = { programs: 0, commands: 0 };
        try {
          await fc.assert(
            fc.asyncProperty(setting.programs(release), (program) => compare(real, mini, program, tally)),
            {
              seed: SEED,
              numRuns: runs,
              endOnFailure: process.env['ZK_SHRINK'] === '0',
              ...(PATH === '' ? {} : { path: PATH }),
            },
          );
        } finally {
          await real.stop();
        }
        expect(tally.programs).toBeGreaterThanOrEqual(PATH === '' ? runs : 1);
        process.stdout.write(
          `differential ${release}${name}: ${tally.programs} programs, ${tally.commands} commands, 0 differences, seed ${SEED}\n`,
        );
      },
      60_000 + PROGRAMS * MS_PER_PROGRAM,
    );
  });
}
