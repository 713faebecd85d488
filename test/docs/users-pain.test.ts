/** Every pain of the list has a test that carries its number, or a reason; and every test that is named exists. */
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { docsPath, pathOf, read } from './pages.js';
import { PAINS, proofs, proofsIn, rowsOf, testLine, withProofs } from './users-pain.js';

const PAGE = docsPath('users-pain.md');
const found = proofs();

if (process.env['UPDATE_DOCS'] === '1') writeFileSync(pathOf(PAGE), withProofs(read(PAGE), found));
const page = read(PAGE);
const rows = rowsOf(page);

describe('docs/users-pain.md', () => {
  it('has one row for each number, in order', () => {
    expect(rows.map(({ pain }) => pain)).toEqual(PAINS);
  });

  it('names the tests that carry the numbers, all of them and no others', () => {
    expect(page, 'UPDATE_DOCS=1 npx vitest run test/docs writes them anew').toBe(withProofs(page, found));
  });

  it('has a test or a reason in each row', () => {
    const bare = rows.filter(({ tests, excused }) => tests.length === 0 && !excused);
    expect(bare.map(({ pain }) => pain)).toEqual([]);
  });

  it('knows each number that a title carries', () => {
    expect(found.filter(({ pain }) => !PAINS.includes(pain))).toEqual([]);
  });
});

describe('the reader of titles', () => {
  it('finds numbers in titles, and nowhere else', () => {
    const text = `
      // it('a comment [A1]')
      const text = 'a text [A2]';
      describe('one [A3] [B4]', () => {
        it.each([['[A5]']])('each %s [A6]', () => other('[A7]'));
        test.skipIf(true)(\`a \${template} [A8]\`, () => undefined);
      });
    `;
    expect(proofsIn('x', text).map(({ pain, title }) => `${pain}: ${title}`)).toEqual([
      'A3: one [A3] [B4]',
      'B4: one [A3] [B4]',
      'A6: each %s [A6]',
      'A8: a ${template} [A8]',
    ]);
  });

  it('writes a row that it can read', () => {
    const [proof] = proofsIn('test/x.test.ts', "it('says `x` [A1]', f)");
    const before =
      '- **A1** Pain.\n  - _No test:_ why.\n  - _Differs:_ so.\n- **A2** More.\n  - _No test:_ why.';
    const row = withProofs(before, [proof!]);
    expect(rowsOf(row)).toEqual([
      { pain: 'A1', tests: [testLine(proof!)], excused: false },
      { pain: 'A2', tests: [], excused: true },
    ]);
    expect(row).toContain('  - _Differs:_ so.');
    expect(withProofs(row, [proof!])).toBe(row);
  });
});
