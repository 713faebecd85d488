/** Writes the tables of a run into docs/performance.md, between its marks, and the chart beside it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { format } from 'prettier';
import { writeChart } from './chart.mjs';
import { MOST_OF_FLOOR, hasPlainFloor, isByCpu } from './cells.mjs';
import { short, whole } from './tables.mjs';
import { judge } from './targets.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PAGE = path.join(ROOT, 'docs/performance.md');
const BEGIN = '<!-- written by npm run bench -- --write-docs -->';
const END = '<!-- end -->';

export async function writeDocs(report) {
  const text = fs.readFileSync(PAGE, 'utf8');
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from === -1 || to < from) throw new Error(`${PAGE} has lost its marks`);
  const written = [BEGIN, ...sections(report), END].join('\n\n');
  const page = text.slice(0, from) + written + text.slice(to + END.length);
  fs.writeFileSync(PAGE, await format(page, { parser: 'markdown', printWidth: 110 }));
  writeChart(report, path.join(ROOT, 'docs/performance.svg'));
  fs.writeFileSync(
    path.join(ROOT, 'bench/results.json'),
    await format(JSON.stringify(report), { parser: 'json', printWidth: 110 }),
  );
  console.log('written: docs/performance.md, docs/performance.svg, bench/results.json');
}

function sections(report) {
  const { calls, real, watches, mini, size } = report.parts;
  return [
    '## Targets',
    about(report),
    targets(report),
    ...(calls === undefined ? [] : ['## Calls', ...callTables(calls)]),
    ...(real === undefined ? [] : ['## Servers that work', ...realTables(real)]),
    ...(calls === undefined ? [] : ['## How cost grows', ...growth(report)]),
    ...(watches === undefined ? [] : ['## Watches', ...watchTables(watches)]),
    ...(mini === undefined ? [] : ['## The mini-server', ...miniTables(mini)]),
    ...(size === undefined ? [] : ['## Start and size', ...sizeTables(size)]),
  ];
}

function about(report) {
  const { at, node, command, commit, machine, rounds, ms, loadBefore, loadAfter } = report;
  return (
    `${at.slice(0, 16).replace('T', ' ')} UTC, Node ${node}, commit ${commit}, ${machine}; \`${command}\`: ` +
    `medians of ${rounds} rounds of ${ms} ms. Load of the machine before and after: ${loadBefore.toFixed(1)}, ${loadAfter.toFixed(1)}. ` +
    '“Of the floor”, “of ours without” and every column called ratio are medians of the ratios of single rounds: they need not be ' +
    'what the medians beside them give. What stands “beside” another client is the ratio of the two medians.'
  );
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

function targets(report) {
  const rows = judge(report);
  const head = ['What', 'Target', 'Measured', '', 'Why not'];
  const verdict = ({ met, verdict: text }) => (met ? text : `**${text}**`);
  return table(
    head,
    rows.map((row) => [row.what, row.target, row.measured, verdict(row), row.why]),
  ).replace('| --- | ---: | ---: | ---: | ---: |', '| --- | ---: | ---: | --- | --- |');
}

const rate = (row) => (row === undefined ? '–' : whole(row.perSecond));

function callTables(calls) {
  const all = Object.entries(calls);
  const cells = all.filter(([, { rows }]) => 'floor' in rows);
  const features = all.filter(([, { rows }]) => 'plain' in rows);
  const head = [
    'op/s',
    'floor',
    'plain floor',
    'ours',
    'of the floor',
    'node-zookeeper-client',
    'npm zookeeper',
  ];
  const detail = [
    'ours',
    'p50 µs',
    'p99 µs',
    'CPU µs',
    'CPU µs of the floor',
    'heap B',
    'other B',
    'socket writes per 1,000',
  ];
  const details = ([name, { rows }]) => [
    name,
    ...[rows.ours.p50, rows.ours.p99, rows.ours.cpuUs].map(short),
    rows.floor === undefined ? '–' : short(rows.floor.cpuUs),
    whole(rows.ours.heapBytes),
    whole(rows.ours.outsideBytes),
    short(rows.ours.writesPer1000),
  ];
  return [
    '![op/s of each client](performance.svg)',
    table(
      head,
      cells.map(([name, { cell, rows }]) => [
        name,
        rate(rows.floor),
        rate(rows['plain-floor']),
        rate(rows.ours),
        isByCpu(cell) ? `${rows.ours.cpuRatio.toFixed(2)} by CPU` : ofFloor(rows.ours.ratio),
        rate(rows['node-zookeeper-client']),
        rate(rows.zookeeper),
      ]),
    ),
    'Op/s are how long a client waits as well as what it computes. With half a MiB nearly all of it is waiting until the kernel has ' +
      'moved the bytes, and who waits longer is chance: “by CPU” is what a call costs the process of the floor, as a share of what it ' +
      'costs that of ours, and the bars of these cells are calls per second of computing.',
    ...plainFloor(cells),
    'What an operation of ours takes:',
    table(detail, [...cells, ...features].map(details)),
    'What a feature leaves of the calls without it, at depth 100:',
    table(
      ['', 'op/s without', 'op/s with', 'ratio'],
      features.map(([name, { rows }]) => [
        name,
        rate(rows.plain),
        rate(rows.ours),
        rows.ours.ratio.toFixed(2),
      ]),
    ),
  ];
}

const ofFloor = (ratio) => (ratio > MOST_OF_FLOOR ? 'the floor waited' : ratio.toFixed(2));

/** How much harder the floor is than one that writes each request by itself. */
function plainFloor(cells) {
  const rows = cells
    .filter(([, { cell, rows }]) => hasPlainFloor(cell) && rows['plain-floor'] !== undefined)
    .map(
      ([
        name,
        {
          rows: { floor, 'plain-floor': plain, ours },
        },
      ]) => [
        name,
        ours.ratio.toFixed(2),
        (ours.perSecond / plain.perSecond).toFixed(2),
        ...[floor, plain, ours].map((row) => short(row.cpuUs)),
      ],
    );
  if (rows.length === 0) return [];
  const head = ['ours', 'of the floor', 'of the plain floor', 'CPU µs: floor', 'plain floor', 'ours'];
  return [
    'The floor writes the requests of a turn as one piece of memory that was filled before. The plain floor hands each of them to the ' +
      'socket by itself, corked for the turn; the targets are judged by the harder one:',
    table(head, rows),
  ];
}

function realTables({ version, cells }) {
  const rows = [];
  for (const [name, each] of Object.entries(cells)) {
    for (const [server, label] of [
      ['real', `ZooKeeper ${version}`],
      ['mini', 'mini-server'],
    ]) {
      const of = each[server];
      if (of === undefined) continue;
      const cpu = (row) => (row === undefined ? '–' : short(row.cpuUs));
      const peer = of['node-zookeeper-client'];
      rows.push([
        `${name}, ${label}`,
        rate(of.floor),
        rate(of.ours),
        rate(peer),
        rate(of.zookeeper),
        cpu(of.ours),
        cpu(peer),
        cpu(of.zookeeper),
      ]);
    }
  }
  const cpu = (name) => `CPU µs: ${name}`;
  return [
    'Op/s, and what the client computes for each: there the server is what one waits for.',
    table(
      [
        '',
        'floor',
        'ours',
        'node-zookeeper-client',
        'npm zookeeper',
        cpu('ours'),
        cpu('node-zookeeper-client'),
        cpu('npm zookeeper'),
      ],
      rows,
    ),
  ];
}

/** Each in units of its own: linear is what stays the same. */
function growth({ parts: { calls } }) {
  const cpu = (name) => calls[name]?.rows.ours.cpuUs;
  const rows = [];
  const add = (what, unit, names, unitsOf) => {
    const there = names.filter(([, name]) => cpu(name) !== undefined);
    for (const [count, name] of there) {
      rows.push([
        what,
        whole(count),
        short(cpu(name)),
        `${short((cpu(name) * 1000) / unitsOf(count))} ns per ${unit}`,
      ]);
    }
  };
  const depths = [1, 16, 100, 1000].map((depth) => [depth, `get, depth ${depth.toLocaleString('en')}`]);
  add('depth', 'call', depths, () => 1);
  const names = [
    [10, 'children, 10 names, depth 100'],
    ...[100, 1000, 10_000].map((n) => [n, `children, ${n.toLocaleString('en')} names, depth 16`]),
  ];
  add('names of children', 'name', names, (n) => n);
  const sizes = [
    [100, 'get, depth 100'],
    [16 * 1024, 'get 16 KiB, depth 100'],
    [512 * 1024, 'get 512 KiB, depth 16'],
  ];
  add('bytes of a get', 'KiB', sizes, (n) => n / 1024);
  return [table(['', 'how many', 'CPU µs per call', ''], rows)];
}

function watchTables({ heap, events, reconnects }) {
  const peers = Object.entries(heap).map(([name, each]) => [name, whole(each[100_000])]);
  return [
    table(['heap per armed watch of 100,000, beyond its path', 'B'], peers),
    table(
      ['100,000 events through', 'per second', 'of the internal callback'],
      Object.entries(events).map(([way, row]) => [WAYS[way], whole(row.perSecond), row.ratio.toFixed(2)]),
    ),
    'A reconnect, from RECONNECTED until the server has all watches again: the median of a few. A turn of the event loop is the longest ' +
      'of all these reconnects, beginning before the connection was lost; in brackets what was computed in it. Closing is one loop over all of them, and the turns behind it:',
    table(
      [
        'watches',
        'heap B each',
        'armed again, ms',
        'µs each',
        'longest turn, ms',
        'loop that closes all, ms',
        'off the server, ms',
        'longest turn behind it, ms',
      ],
      reconnects.map(({ how, count, ms, closing, ...row }) => [
        `${whole(count)} ${how === 'stream' ? 'streams of `addWatch`' : 'that fire once'}`,
        how === 'stream' ? '–' : whole(heap.ours[count]),
        whole(ms),
        short((ms * 1000) / count),
        turn(row),
        short(closing.loopMs),
        closing.left > 0 ? `${whole(closing.left)} left` : whole(closing.ms),
        turn(closing),
      ]),
    ),
  ];
}

const turn = ({ turnMs, turnCpuMs }) => `${short(turnMs)} (${short(turnCpuMs)})`;

const WAYS = {
  internal: 'a callback inside of the client',
  callback: "`conn.on('watch', …)`",
  stream: 'a stream (`addWatch`)',
  channel: 'a watch for each path (`getW`)',
};

function miniTables({ served, start, memory }) {
  const or = (value, show) => (value === null ? '–' : show(value));
  return [
    table(
      ['op/s, asked by a bare socket', 'mini-server', `ZooKeeper ${start.version ?? ''}`, 'ratio'],
      Object.entries(served).map(([name, row]) => [
        name,
        whole(row.mini),
        or(row.real, whole),
        or(row.ratio, (r) => r.toFixed(1)),
      ]),
    ),
    'Here the two servers take turns, and above, under “Servers that work”, the clients: compare within a table.',
    table(
      ['', ''],
      [
        ['`MiniServer.start()`, ms', short(start.startMs)],
        ['up in a process of its own, ms over bare Node', short(start.overBareMs)],
        [`ZooKeeper ${start.version ?? ''} up, ms`, or(start.realMs, whole)],
        [`memory per node of ${whole(memory.nodes)} with 100 B, B`, whole(memory.bytesPerNode)],
        ['memory per watch of 100,000, B', whole(memory.bytesPerWatch)],
      ],
    ),
  ];
}

function sizeTables({ started, packedBytes, unpackedBytes, gzippedBytes, packages }) {
  return [
    table(
      ['over a bare process of Node', 'ms', 'ms of computing'],
      Object.entries(started).map(([name, each]) => [name, short(each.ms), short(each.computedMs)]),
    ),
    table(
      ['', ''],
      [
        ['packed, kB', whole(packedBytes / 1000)],
        ['unpacked, kB', whole(unpackedBytes / 1000)],
        ['client minified and gzipped, with its dependencies, kB', whole(gzippedBytes / 1000)],
        ['packages that an install brings', String(packages)],
      ],
    ),
  ];
}
