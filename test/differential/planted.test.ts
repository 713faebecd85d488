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
import { BUGS } from './bugs.js';
import { difference } from './difference.js';
import { planted } from './planted.js';
import type { Transcript } from './player.js';
import type { Program } from './program.js';
import { SETTINGS, type Setting, type Setup } from './settings.js';
import { miniTarget, type Starts, type Target } from './targets.js';

const RELEASE = '3.9.3';
const ENOUGH = 1_000;
const SEED = 20;
/** Some bugs end in silence. */
const PATIENCE_MS = 2_000;

/** Programs of one setting, and what a mini-server without a bug answers to them. */
class Sample {
  readonly programs: readonly Program[];
  private readonly good: Target;
  private readonly known: Transcript[] = [];

  constructor(private readonly setting: Setting) {
    this.programs = fc.sample(setting.programs(RELEASE), { seed: SEED, numRuns: ENOUGH });
    this.good = this.target('good', (options) => MiniServer.start(options));
  }

  target(name: string, start: Starts, patienceMs?: number): Target {
    const { ground, mini }: Setup = this.setting.setUp();
    return miniTarget(name, start, { release: RELEASE, ...ground, patienceMs }, mini);
  }

  /** @returns how many programs it takes to see the difference; null if it does not show */
  async until(bad: Target): Promise<number | null> {
    for (const [i, program] of this.programs.entries()) {
      this.known[i] ??= await this.good.play(program, i);
      if (difference(this.known[i], await bad.play(program, i), ['good', 'bad']) !== null) return i + 1;
    }
    return null;
  }
}

describe('a bug that is planted', () => {
  const samples = new Map<string, Sample>();
  const table: string[] = [];
  let folder = '';

  const sampleOf = (name: keyof typeof SETTINGS): Sample => {
    const sample = samples.get(name) ?? new Sample(SETTINGS[name]);
    samples.set(name, sample);
    return sample;
  };

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
      const sample = sampleOf(bug.setting ?? 'plain');
      const count = await sample.until(sample.target('bad', await planted(bug, folder), PATIENCE_MS));
      if (count === null) throw new Error(`not seen in ${ENOUGH} programs`);
      table.push(`${String(count).padStart(5)}  ${name}`);
    },
    300_000,
  );
});
