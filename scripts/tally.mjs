/** Adds up what the test files of the fault lane wrote (`test/support/tally.ts`), and makes one table of it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What belongs together, in the order of the table: each kind of fault counts for the first of these that it matches. */
const FAMILIES = [
  ['kills and pauses of real servers', /^(?:kill -9|SIGSTOP) of a real server$/],
  ['other trouble with real servers', /real server/],
  ['veth links in a network namespace', /^veth /],
  ['hostile frames', /^hostile frame: /],
  ['hostile names, texts and sizes', /^hostile (?:name|text)|^limit exceeded|secret/],
  ['connections cut or refused', /^cut|^connections? |^reset /],
  ['links and servers that stop, stall or lag', /^(?:link|member|leader|ensemble|server) /],
  ['requests left unanswered or refused', /unanswered|refused/],
  ['impostors', /certificate|impostor/],
  ['sessions expired', /expir/],
  ['closing at a bad moment', /^clos|^SIG/],
  ['readers, listeners and queues', /reader|listener|queue|drain/],
  ['others', /^/],
];

/** What the long run must have at least (`npm run soak`). */
const LONG_RUN = {
  'faults injected': 10_000,
  'kills and pauses of real servers': 200,
  'hostile frames': 1e6,
};

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

/** Kinds of faults by family, each family with its sum; families without a fault are left out. */
function families(faults) {
  const kinds = Object.entries(faults).sort(([a], [b]) => (a < b ? -1 : 1));
  const familyOf = (kind) => FAMILIES.find(([, pattern]) => pattern.test(kind))[0];
  return FAMILIES.map(([family]) => {
    const own = kinds.filter(([kind]) => familyOf(kind) === family);
    return { family, own, sum: own.reduce((n, [, each]) => n + each, 0) };
  }).filter(({ own }) => own.length > 0);
}

/**
 * The table, in Markdown; what was found wrong; what nobody looked for; and what the run is short of for a long one.
 * @returns {{ text: string, problems: string[], unseen: string[], short: string[] }}
 */
export function table(sum) {
  const count = (n) => n.toLocaleString('en');
  const groups = families(sum.faults);
  const all = groups.reduce((n, group) => n + group.sum, 0);
  const rows = [
    ['**faults injected**', `**${count(all)}**`, ''],
    ...groups.flatMap(({ family, own, sum: subtotal }) => [
      [`**${family}**`, `**${count(subtotal)}**`, ''],
      ...own.map(([kind, n]) => [`– ${kind.replace(/^hostile frame: /, '')}`, count(n), '']),
    ]),
    ['**requests**', `**${count(sum.requests)}**`, ''],
    ...sum.zeros.map((what) => [
      `**${what}**`,
      `**${count(sum.broken[what] ?? 0)}**`,
      count(sum.checks[what] ?? 0),
    ]),
  ];
  const head = ['what', 'count', 'looked for, times'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (row) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((w, i) => (i === 0 ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`)).join(' | ')} |`;
  const isBroken = (what) => (sum.broken[what] ?? 0) > 0;
  const problems = sum.zeros.filter(isBroken).map((what) => `${what}: ${sum.broken[what]}`);
  const unseen = sum.zeros.filter((what) => !isBroken(what) && sum.checks[what] === undefined);
  if (sum.zeros.length === 0) unseen.push('anything');
  const counted = { 'faults injected': all };
  for (const { family, sum: subtotal } of groups) counted[family] = subtotal;
  const short = Object.entries(LONG_RUN)
    .filter(([what, least]) => (counted[what] ?? 0) < least)
    .map(([what, least]) => `${what}: ${count(counted[what] ?? 0)} of ${count(least)}`);
  return { text: [line(head), rule, ...rows.map(line)].join('\n'), problems, unseen, short };
}
