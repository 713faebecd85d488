/**
 * Are the checks any good? Each of these bugs, planted in the client, must be caught by the check that is there for it; and
 * the client as it is must pass them all.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BUGS } from './planted/bugs.js';
import { buildClient } from './planted/build.js';
import { CHECKS, type CheckName } from './planted/checks.js';

let folder = '';
let caught = 0;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-conn-bugs-'));
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`${caught} planted bugs of the client were caught\n`);
});

const names = Object.keys(CHECKS) as CheckName[];

describe('the client as it is', () => {
  it.each(names)('passes: %s', async (name) => {
    await CHECKS[name](await buildClient('as it is', [], folder));
  });
});

describe('a bug that is planted in the client', () => {
  it('has a name of its own, and there are enough', () => {
    expect(new Set(BUGS.map(({ bug }) => bug)).size).toBe(BUGS.length);
    expect(BUGS.length).toBeGreaterThanOrEqual(25);
    // each check is there for a bug
    expect(new Set(BUGS.map(({ caughtBy }) => caughtBy))).toEqual(new Set(names));
  });

  it.each(BUGS.map((bug) => [bug.bug, bug] as const))('%s: is caught', async (name, { edits, caughtBy }) => {
    const client = await buildClient(name, edits, folder);
    const seen = await CHECKS[caughtBy](client).then(
      () => null,
      (error: unknown) => error,
    );
    expect(seen, `not caught by "${caughtBy}"`).toBeInstanceOf(Error);
    caught++;
  });
});
