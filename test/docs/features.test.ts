/** Every feature of the page has a verdict, and a test that exists or a reason behind it. */
import { describe, expect, it } from 'vitest';
import { docsPath, read } from './pages.js';
import { titlesOf } from './titles.js';

/** How many columns the table of each section has beside number and feature. */
const VERDICTS: Readonly<Record<string, number>> = { '1': 8, '2': 8, '3': 8, '4': 8, '5': 1 };

interface Feature {
  readonly row: string;
  readonly name: string;
  /** Ours first. */
  readonly verdicts: readonly string[];
}

interface Ground {
  readonly row: string;
  readonly name: string;
  readonly tests: { readonly file: string; readonly title: string }[];
  reason: boolean;
}

/** Rows of the tables. */
function featuresOf(page: string): readonly Feature[] {
  return page
    .split('\n')
    .filter((line) => /^\| \d+\.\d+[a-z]? /.test(line))
    .map((line) => {
      const [row = '', name = '', ...verdicts] = line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim());
      return { row, name, verdicts };
    });
}

/** What stands below the tables, by the number of the row. */
function groundsOf(page: string): readonly Ground[] {
  const grounds: Ground[] = [];
  for (const line of page.split('\n')) {
    const [, row, name] = /^- \*\*(\d+\.\d+[a-z]?)\*\* (\S.*)$/.exec(line) ?? [];
    const [, shown, file, title] = /^ {2}- \[([^\]]+)\]\(\.\.\/test\/([^)]+)\): `([^`]+)`$/.exec(line) ?? [];
    const last = grounds.at(-1);
    if (row !== undefined) grounds.push({ row, name: name!, tests: [], reason: false });
    else if (shown !== undefined && shown === file) last?.tests.push({ file, title: title! });
    else if (/^ {2}- _No:_ \S/.test(line) && last !== undefined) last.reason = true;
    else if (line.startsWith('  - ')) throw new Error(`neither a test nor a reason: ${line}`);
  }
  return grounds;
}

/** What is wrong with a page, in words. */
function faultsOf(page: string, titlesOf: (file: string) => readonly string[]): readonly string[] {
  const features = featuresOf(page);
  const grounds = groundsOf(page);
  const faults: string[] = [];
  if (features.map(({ row }) => row).join() !== grounds.map(({ row }) => row).join())
    faults.push('the rows of the tables are not those below them');
  for (const { row, name, verdicts } of features) {
    const ground = grounds.find((other) => other.row === row);
    if (verdicts.length !== VERDICTS[row.split('.')[0]!] || verdicts.includes(''))
      faults.push(`${row}: a verdict is missing`);
    if (ground !== undefined && ground.name.toLowerCase() !== name.toLowerCase())
      faults.push(`${row}: has two names`);
    const ours = /^(yes|no)(?:$|: )/.exec(verdicts[0] ?? '')?.[1];
    if (ours === undefined) faults.push(`${row}: neither yes nor no`);
    if (ours === 'yes' && (ground === undefined || ground.tests.length === 0 || ground.reason))
      faults.push(`${row}: a yes without a test, or with a no`);
    if (ours === 'no' && (ground === undefined || !ground.reason || ground.tests.length > 0))
      faults.push(`${row}: a no without a reason, or with a test`);
  }
  for (const { row, tests } of grounds)
    for (const { file, title } of tests)
      if (!titlesOf(file).includes(title)) faults.push(`${row}: no such test: ${file}: ${title}`);
  return faults;
}

describe('docs/features.md', () => {
  const page = read(docsPath('features.md'));

  it('has a verdict for each feature, and a test that exists or a reason', () => {
    expect(faultsOf(page, titlesOf)).toEqual([]);
  });

  it('counts its rows without a gap', () => {
    for (const section of Object.keys(VERDICTS)) {
      const rows = featuresOf(page)
        .filter(({ row }) => row.startsWith(`${section}.`))
        .map(({ row }) => Number.parseInt(row.split('.')[1]!, 10));
      // the command line and recipes are no rows of section 5, and what has two answers has two rows
      const expected =
        section === '5' ? [1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 13] : rows.map((_, i) => i + 1);
      expect(rows.length).toBeGreaterThan(10);
      expect(rows).toEqual(expected);
    }
  });
});

describe('the reader of features', () => {
  const titles = (file: string): readonly string[] => (file === 'x.test.ts' ? ['does it'] : []);
  const page = (verdict: string, ...below: readonly string[]): string =>
    [`| 5.1 | a thing | ${verdict} |`, '', '- **5.1** A thing', ...below].join('\n');
  const TEST = '  - [x.test.ts](../test/x.test.ts): `does it`';
  const REASON = '  - _No:_ why.';

  it.each([
    ['a yes with a test', page('yes', TEST)],
    ['a no with a reason', page('no', REASON)],
  ])('takes %s', (_what, text) => {
    expect(faultsOf(text, titles)).toEqual([]);
  });

  it.each([
    ['no verdict', page('', TEST), 'a verdict is missing'],
    ['another word', page('maybe', TEST), 'neither yes nor no'],
    ['a yes without a test', page('yes'), 'a yes without'],
    ['a yes with a reason', page('yes', REASON), 'a yes without'],
    ['a no without a reason', page('no'), 'a no without'],
    ['a title that is not there', page('yes', TEST.replace('does it', 'does')), 'no such test'],
    ['a file that is not there', page('yes', TEST.replaceAll('x.test', 'y.test')), 'no such test'],
    ['another name below', page('yes', TEST).replace('A thing', 'Others'), 'has two names'],
    ['a row without grounds', page('yes', TEST).replace('- **5.1**', '- **5.2**'), 'are not those below'],
  ])('finds %s', (_what, text, fault) => {
    expect(faultsOf(text, titles).join('\n')).toContain(fault);
  });
});
