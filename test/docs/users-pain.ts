/** `docs/users-pain.md`: a row for each pain, and under it the tests whose titles carry its number. */
import { readdirSync } from 'node:fs';
import ts from 'typescript';
import { pathOf, read } from './pages.js';

/** Themes, and how many rows each has. */
const THEMES = { A: 18, B: 4, C: 17, D: 4, E: 19, F: 5, G: 7, H: 5, I: 3, J: 3, M: 4 } as const;

export const PAINS: readonly string[] = Object.entries(THEMES).flatMap(([theme, count]) =>
  Array.from({ length: count }, (_, i) => `${theme}${i + 1}`),
);

const TAG = /\[([A-M]\d{1,2})\]/g;

/** A title of a test, and where it stands. */
export interface Proof {
  readonly pain: string;
  readonly file: string;
  readonly title: string;
}

/** Every number in a title of `it`, `test` or `describe`. */
export function proofs(): readonly Proof[] {
  const files = readdirSync(pathOf('test'), { recursive: true, encoding: 'utf8' })
    .map((name) => `test/${name.replaceAll('\\', '/')}`)
    // what the rule's own tests say is no proof
    .filter((name) => name.endsWith('.ts') && !name.startsWith('test/docs/'))
    .sort();
  return files.flatMap((file) => {
    const text = read(file);
    return text.match(TAG) === null ? [] : proofsIn(file, text);
  });
}

export function proofsIn(file: string, text: string): readonly Proof[] {
  return titlesIn(text).flatMap((title) =>
    [...title.matchAll(TAG)].map(([, pain = '']) => ({ pain, file, title })),
  );
}

/** Titles, of `it.each(…)('…')` and the like too. A template is taken as it is written. */
export function titlesIn(text: string): readonly string[] {
  const source = ts.createSourceFile('test.ts', text, ts.ScriptTarget.ES2022);
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.push(title.text);
      else if (title !== undefined && ts.isTemplateExpression(title))
        titles.push(title.getText(source).slice(1, -1));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return titles;
}

/** Is it `it`, `it.each(…)`, `describe.skipIf(…)` and so on? */
function isTest(callee: ts.Expression): boolean {
  if (ts.isIdentifier(callee)) return ['it', 'test', 'describe'].includes(callee.text);
  if (ts.isPropertyAccessExpression(callee)) return isTest(callee.expression);
  return ts.isCallExpression(callee) && isTest(callee.expression);
}

/** One row of the page. */
export interface Row {
  readonly pain: string;
  /** The tests below it, as they stand there. */
  readonly tests: readonly string[];
  /** Does it say why there is no test? */
  readonly excused: boolean;
}

const TEST_LINE = /^ {2}- \[[^\]]+\]\(\.\.\/test\//;
const EXCUSE_LINE = /^ {2}- _No test:_ \S/;

export function rowsOf(page: string): readonly Row[] {
  const rows: { pain: string; tests: string[]; excused: boolean }[] = [];
  for (const line of page.split('\n')) {
    const pain = /^- \*\*([A-Z]\d+)\*\* \S/.exec(line)?.[1];
    const row = rows.at(-1);
    if (pain !== undefined) rows.push({ pain, tests: [], excused: false });
    else if (TEST_LINE.test(line)) row?.tests.push(line);
    else if (row !== undefined && EXCUSE_LINE.test(line)) row.excused = true;
  }
  return rows;
}

/** How a test stands on the page. */
export function testLine({ file, title }: Proof): string {
  return `  - [${file.slice('test/'.length)}](../${file}): \`${title.replaceAll('`', "'")}\``;
}

/** The page with the tests that there are, without excuses that are no longer needed, else as it was. */
export function withProofs(page: string, found: readonly Proof[]): string {
  let excused = false;
  return page
    .split('\n')
    .filter((line) => !TEST_LINE.test(line))
    .flatMap((line) => {
      const pain = /^- \*\*([A-Z]\d+)\*\* /.exec(line)?.[1];
      if (pain === undefined) return excused && EXCUSE_LINE.test(line) ? [] : [line];
      const tests = found.filter((proof) => proof.pain === pain).map(testLine);
      excused = tests.length > 0;
      return [line, ...tests];
    })
    .join('\n');
}
