/** Tables on the screen. */

const LABELS = { plain: 'ours, without', 'plain-floor': 'plain floor' };

export function printRows(title, rows) {
  console.log(`\n${title}`);
  printTable(
    [
      '',
      'op/s',
      'of the first',
      'by CPU',
      'p50 µs',
      'p99 µs',
      'CPU µs/op',
      'heap B/op',
      'other B/op',
      'writes/1000',
    ],
    Object.entries(rows).map(([name, row]) => [
      LABELS[name] ?? name,
      whole(row.perSecond),
      row.ratio.toFixed(3),
      row.cpuRatio.toFixed(3),
      short(row.p50),
      short(row.p99),
      short(row.cpuUs),
      row.heapBytes === undefined ? '' : whole(row.heapBytes),
      row.outsideBytes === undefined ? '' : whole(row.outsideBytes),
      row.writesPer1000 === null || row.writesPer1000 === undefined ? '' : short(row.writesPer1000),
    ]),
  );
}

export function printTable(head, rows) {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (row) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join('  ');
  for (const row of [head, ...rows]) console.log(`  ${line(row)}`);
}

export function whole(value) {
  return Math.round(value).toLocaleString('en');
}

export function short(value) {
  return value >= 100 ? whole(value) : value.toPrecision(3);
}
