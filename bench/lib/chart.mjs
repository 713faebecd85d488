/**
 * The chart of a run: op/s of each client, a group of bars for each cell. The longest of a group has the whole width, and a
 * line goes through the group where the floor ends. Where op/s would be how long a client waits for the kernel, bars are the
 * calls that it could make of one second of computing.
 */
import * as fs from 'node:fs';
import { isByCpu } from './cells.mjs';

const COLOURS = {
  floor: '#b8b8b8',
  'plain-floor': '#d6d6d6',
  ours: '#2f6fb3',
  'node-zookeeper-client': '#d98e32',
  zookeeper: '#8a5a9e',
};
const LEFT = 250;
const WIDTH = 640;
const BAR = 12;
const GAP = 14;

/** @param report what a run has measured */
export function writeChart(report, file) {
  const cells = Object.entries(report.parts.calls ?? {}).filter(([, { rows }]) => 'floor' in rows);
  if (cells.length === 0) return;
  const bars = [];
  let y = 56;
  for (const [name, { rows }] of cells) {
    const groupTop = y;
    const byCpu = isByCpu(report.parts.calls[name].cell);
    const valueOf = (row) => (byCpu ? 1e6 / row.cpuUs : row.perSecond);
    const most = Math.max(...Object.values(rows).map(valueOf));
    for (const [client, row] of Object.entries(rows)) {
      const width = Math.max(1, (valueOf(row) / most) * WIDTH);
      const colour = COLOURS[client] ?? '#5aa36b';
      const label = `${Math.round(valueOf(row)).toLocaleString('en')} ${byCpu ? 'per s of CPU' : 'op/s'}`;
      bars.push(
        `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"><title>${client}</title></rect>`,
        `<text x="${(LEFT + width + 5).toFixed(1)}" y="${y + 10}" class="n">${label}</text>`,
      );
      y += BAR + 1;
    }
    const floorAt = (LEFT + (valueOf(rows.floor) / most) * WIDTH).toFixed(1);
    bars.push(
      `<path d="M${floorAt} ${groupTop - 2}V${y + 1}" stroke="#555" stroke-dasharray="2 2"><title>floor</title></path>`,
    );
    const middle = (groupTop + y) / 2 + 4;
    bars.push(`<text x="${LEFT - 8}" y="${middle}" text-anchor="end">${name}</text>`);
    y += GAP;
  }
  const key = Object.entries(COLOURS).map(
    ([client, colour], i) =>
      `<rect x="${LEFT + i * 140}" y="32" width="10" height="10" fill="${colour}"/>` +
      `<text x="${LEFT + i * 140 + 15}" y="41">${client}</text>`,
  );
  const title = `op/s beside the floor, ${report.at.slice(0, 10)}, Node ${report.node}`;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${LEFT + WIDTH + 130}" height="${y + 6}" font-family="sans-serif" font-size="12">`,
    '<style>.n{font-size:10px;fill:#444}</style><rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${LEFT}" y="20" font-size="14">${title}</text>`,
    ...key,
    ...bars,
    '</svg>',
  ];
  fs.writeFileSync(file, `${svg.join('\n')}\n`);
}
