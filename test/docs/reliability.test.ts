/** `docs/reliability-cases.md`: each case of the catalogue has tests that exist, or a reason why there is none. */
import { describe, expect, it } from 'vitest';
import { docsPath, read } from './pages.js';
import { titlesOf } from './titles.js';

const CASES = 245;

interface Case {
  readonly number: number;
  readonly priority: number;
  readonly tests: { readonly file: string; readonly title: string }[];
  /** Why there is no test. */
  reason: boolean;
  /** Nobody has looked yet. */
  open: boolean;
}

function casesOf(page: string): readonly Case[] {
  const cases: Case[] = [];
  for (const line of page.split('\n')) {
    const [, number, priority] = /^- \*\*(\d+)\*\* P([012]) \S.*\.$/.exec(line) ?? [];
    const [, shown, file, title] = /^ {2}- \[([^\]]+)\]\(\.\.\/test\/([^)]+)\): `([^`]+)`$/.exec(line) ?? [];
    const last = cases.at(-1);
    if (number !== undefined)
      cases.push({
        number: Number(number),
        priority: Number(priority),
        tests: [],
        reason: false,
        open: false,
      });
    else if (shown !== undefined && shown === file) last?.tests.push({ file, title: title! });
    else if (/^ {2}- _No test:_ \S/.test(line) && last !== undefined) last.reason = true;
    else if (line === '  - _Open_' && last !== undefined) last.open = true;
    else if (/^ *- /.test(line)) throw new Error(`neither a case, a test nor a reason: ${line}`);
  }
  return cases;
}

/** What is wrong with a page, in words. */
function faultsOf(page: string, titlesOf: (file: string) => readonly string[]): readonly string[] {
  const faults: string[] = [];
  for (const { number, priority, tests, reason, open } of casesOf(page)) {
    if ([tests.length > 0, reason, open].filter(Boolean).length !== 1)
      faults.push(`${number}: needs tests, or else a reason`);
    if (priority === 0 && reason && !RECIPES.has(number)) faults.push(`${number}: P0 without a test`);
    for (const { file, title } of tests)
      if (!titlesOf(file).includes(title)) faults.push(`${number}: no such test: ${file}: ${title}`);
  }
  return faults;
}

/** Recipes are not part of this package yet: the one group whose P0 may have a reason in the place of a test. */
const RECIPES: ReadonlySet<number> = new Set(Array.from({ length: 24 }, (_, i) => 185 + i));

describe('docs/reliability-cases.md', () => {
  const page = read(docsPath('reliability-cases.md'));

  it('has each case once, in order', () => {
    expect(casesOf(page).map(({ number }) => number)).toEqual(Array.from({ length: CASES }, (_, i) => i + 1));
  });

  it('has a test that exists or a reason for each, and a test for each P0', () => {
    expect(faultsOf(page, titlesOf)).toEqual([]);
  });
});

describe('the reader of cases', () => {
  const titles = (file: string): readonly string[] => (file === 'x.test.ts' ? ['does it'] : []);
  const TEST = '  - [x.test.ts](../test/x.test.ts): `does it`';
  const REASON = '  - _No test:_ why.';
  const page = (...below: readonly string[]): string => ['- **1** P0 A thing.', ...below].join('\n');

  it.each([
    ['a case with a test', page(TEST)],
    ['a case with two', page(TEST, TEST)],
    ['a lesser one with a reason', page(REASON).replace('P0', 'P1')],
  ])('takes %s', (_what, text) => {
    expect(casesOf(text)).toHaveLength(1);
    expect(faultsOf(text, titles)).toEqual([]);
  });

  it.each([
    ['nothing below', page(), 'needs tests'],
    ['a test and a reason', page(TEST, REASON), 'needs tests'],
    ['a P0 with a reason', page(REASON), 'P0 without'],
    ['a title that is not there', page(TEST.replace('does it', 'does')), 'no such test'],
    ['a file that is not there', page(TEST.replaceAll('x.test', 'y.test')), 'no such test'],
  ])('finds %s', (_what, text, fault) => {
    expect(faultsOf(text, titles).join('\n')).toContain(fault);
  });

  it('refuses a line that is none of these', () => {
    expect(() => casesOf(page('  - a test'))).toThrow('neither a case');
  });
});
