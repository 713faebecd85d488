/**
 * Is the comparison any good? Each of these bugs, planted in the mini-server, must be seen against the one without it. The
 * programs are the same in every run.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiniServer } from '../../src/testing/mini-server.js';
import { programs } from './arbitrary.js';
import { BUGS } from './bugs.js';
import { difference } from './difference.js';
import { planted } from './planted.js';
import type { Transcript } from './player.js';
import { miniTarget } from './targets.js';

const ENOUGH = 1_000;
const SEED = 20;
/** Some bugs end in silence. */
const PATIENCE_MS = 2_000;

describe('a bug that is planted', () => {
  const sample = fc.sample(programs('3.9.3'), { seed: SEED, numRuns: ENOUGH });
  const good = miniTarget('good', (options) => MiniServer.start(options), '3.9.3');
  const known: Transcript[] = [];
  const table: string[] = [];
  let folder = '';

  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-conn-planted-'));
  });
  afterAll(() => {
    fs.rmSync(folder, { recursive: true, force: true });
    process.stdout.write(`programs until a planted bug was seen:\n${table.join('\n')}\n`);
  });

  it('has a place of its own, and there are enough', () => {
    expect(new Set(BUGS.map(({ bug }) => bug)).size).toBe(BUGS.length);
    expect(BUGS.length).toBeGreaterThanOrEqual(20);
  });

  it.each(BUGS.map((bug) => [bug.bug, bug] as const))(
    '%s: is seen',
    async (name, bug) => {
      const bad = miniTarget('bad', await planted(bug, folder), '3.9.3', {}, PATIENCE_MS);
      for (const [i, program] of sample.entries()) {
        known[i] ??= await good.play(program);
        if (difference(known[i], await bad.play(program), ['good', 'bad']) === null) continue;
        table.push(`${String(i + 1).padStart(5)}  ${name}`);
        return;
      }
      throw new Error(`not seen in ${ENOUGH} programs`);
    },
    60_000,
  );
});
