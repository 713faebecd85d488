/** Adds up what the test files of the fault lane wrote (`test/support/tally.ts`), and prints it as one table. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns {{ faults: Record<string, number>, broken: Record<string, number>, checks: Record<string, number>, requests: number, zeros: string[] }} */
export function total(folder) {
  const sum = { faults: {}, broken: {}, checks: {}, requests: 0, zeros: [] };
  const add = (to, from) => {
    for (const [key, n] of Object.entries(from)) to[key] = (to[key] ?? 0) + n;
  };
  for (const name of readdirSync(folder)) {
    const figures = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    add(sum.faults, figures.faults);
    add(sum.broken, figures.broken);
    add(sum.checks, figures.checks);
    sum.requests += figures.requests;
    sum.zeros = figures.zeros;
  }
  return sum;
}

/** The table, in Markdown, with what was found wrong or never looked for. */
export function table(sum) {
  const count = (n) => n.toLocaleString('en');
  const kinds = Object.entries(sum.faults).sort(([a], [b]) => (a < b ? -1 : 1));
  const all = kinds.reduce((n, [, each]) => n + each, 0);
  const rows = [
    ['faults injected', count(all), ''],
    ...kinds.map(([kind, n]) => [`– ${kind}`, count(n), '']),
    ['requests', count(sum.requests), ''],
    ...sum.zeros.map((what) => [what, count(sum.broken[what] ?? 0), count(sum.checks[what] ?? 0)]),
  ];
  const head = ['what', 'count', 'looked for, times'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((w, i) => (i === 0 ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`)).join(' | ')} |`;
  const problems = sum.zeros.flatMap((what) => {
    if ((sum.broken[what] ?? 0) > 0) return [`${what}: ${sum.broken[what]}`];
    return sum.checks[what] === undefined ? [`${what}: nobody looked`] : [];
  });
  if (sum.zeros.length === 0) problems.push('nothing was counted');
  return { text: [line(head), rule, ...rows.map(line)].join('\n'), problems };
}
