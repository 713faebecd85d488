/** What a run must reach, and what it did. */
import { MOST_OF_FLOOR } from './cells.mjs';

const MAX_FRAME = 128 * 1024;

/** Each with so many digits more than usual. */
const times = (value, more = 0) => `${value.toFixed((value < 10 ? 2 : 0) + more)} ×`;
const share = (value, more = 0) => value.toFixed(3 + more);
const bytes = (value) => `${Math.round(value).toLocaleString('en')} B`;
const kB = (value, more = 0) => `${(value / 1000).toFixed(more)} kB`;
const ms = (value, more = 0) => `${value.toFixed(1 + more)} ms`;

/** With as many digits as it takes to see on which side of its target a value is. */
function seen(value, target, isMet, show) {
  for (let more = 0; more < 6; more++) {
    const text = show(value, more);
    if (isMet(value) || text !== show(target, more)) return text;
  }
  return String(value);
}

/** Why a target cannot be met, or not yet; shown only where a run fell short. */
const WHY = {
  floor:
    'the floor makes no promise, no record each way and no Stat with three bigints, and takes no turn of the microtask queue: what ' +
    'each computes stands below; what is left of the difference is how long both wait for the responder, which is little on a busy machine',
  waited:
    'the floor cannot compute more than we do: it has waited, so this is no ratio to it; the machine was too busy',
  depth1:
    'a call by itself pays for its own turn of the event loop: a flush on `process.nextTick`, and code that the kernel has put out of the cache',
  children: 'ten thousand strings have to be made, and the floor makes none',
  bytes:
    'the value is copied once, from the buffer that the socket is read into to one of its own; the floor drops it',
  set: 'the value is copied when the call is made, so that it may be changed afterwards',
  options: 'options are checked with each call, and the call is hung on its signal and taken off again',
  turn: 'a turn encodes one request of 128 KiB, some milliseconds at the most; the rest is what else ran on the machine',
  loaded:
    'next to no module of Node and no package is loaded with it; what is left is that V8 reads 270 kB of code, and that Node begins with CommonJS',
  packed:
    'there is one copy of all: 71 kB for the client, 62 kB for the mini-server, 53 kB for the types with their docs',
  gzipped:
    'about a tenth of it are the packages, a third protocol and session, a fifth connections (TLS, SASL, SRV, words, tracing), a ' +
    'third calls, streams and recipes; with no text of an error in it, and all properties cut to two letters, it was still 42 kB',
  mini: 'it does for each request what a real server does: sessions, ACLs, watches, quotas, faults',
};

/**
 * @param report of a run; parts may be missing
 * @returns rows `{ what, target, measured, met, verdict, why }`, without those that were not measured
 */
export function judge({ parts }) {
  const rows = [];
  const add = (what, target, value, isMet, show, why, least) => {
    if (value === undefined || value === null || Number.isNaN(value)) return;
    const met = isMet(value);
    const by = least === undefined ? '' : ` by ${(Math.abs(value / least - 1) * 100).toFixed()} %`;
    const verdict = met ? 'met' : `falls short${by}`;
    rows.push({ what, target, measured: show(value), met, verdict, why: met ? '' : why });
  };
  const limit = (what, sign, target, value, isMet, show, why) =>
    add(what, `${sign} ${show(target)}`, value, isMet, (v) => seen(v, target, isMet, show), why, target);
  const atLeast = (what, least, value, show, why) =>
    limit(what, '≥', least, value, (v) => v >= least, show, why);
  const atMost = (what, most, value, show, why) => limit(what, '≤', most, value, (v) => v <= most, show, why);

  const ofFloor = (what, least, value, why) => {
    const target = `≥ ${share(least)}`;
    if (value > MOST_OF_FLOOR)
      rows.push({
        what,
        target,
        measured: share(value),
        met: false,
        verdict: 'not measured',
        why: WHY.waited,
      });
    else atLeast(what, least, value, share, why);
  };

  const calls = parts.calls ?? {};
  const ours = (cell) => calls[cell]?.rows.ours;
  const over = (cell, peer) => {
    const rows = calls[cell]?.rows;
    return rows?.[peer] === undefined ? undefined : rows.ours.perSecond / rows[peer].perSecond;
  };
  for (const op of ['get', 'set', 'exists']) {
    const cell = `${op}, depth 100`;
    ofFloor(`${op}, depth 100, 100 B: of the floor`, 0.8, ours(cell)?.ratio, WHY.floor);
    atLeast(`… beside node-zookeeper-client`, 7, over(cell, 'node-zookeeper-client'), times, '');
    atLeast(`… beside npm zookeeper`, 15, over(cell, 'zookeeper'), times, '');
  }
  for (const op of ['get', 'set', 'exists']) {
    ofFloor(`${op}, depth 1: of the floor`, 0.95, ours(`${op}, depth 1`)?.ratio, WHY.depth1);
  }
  ofFloor(
    'children, 10,000 names: of the floor',
    0.5,
    ours('children, 10,000 names, depth 16')?.ratio,
    WHY.children,
  );
  // by what both compute: op/s are how long each waits for the kernel
  ofFloor('get 512 KiB: of the floor, by CPU', 0.8, ours('get 512 KiB, depth 16')?.cpuRatio, WHY.bytes);
  ofFloor('set 512 KiB: of the floor, by CPU', 0.8, ours('set 512 KiB, depth 16')?.cpuRatio, WHY.set);
  atLeast(
    'a signal and a timeout on every call: of ours without',
    0.85,
    ours('get with a signal and a timeout')?.ratio,
    share,
    WHY.options,
  );
  atLeast('tracing code that nobody listens to: of ours without it', 0.98, parts.tracing?.ratio, share, '');
  atLeast(
    'stream of 100,000 events: of an internal callback',
    0.8,
    parts.watches?.events.stream?.ratio,
    share,
    '',
  );
  atMost(
    'heap per armed watch of 100,000, beyond its path',
    300,
    parts.watches?.heap.ours?.[100_000],
    bytes,
    '',
  );
  for (const [how, what] of Object.entries({ oneShot: 'watches', stream: '`addWatch` streams' })) {
    const all = parts.watches?.reconnects.find((row) => row.how === how && row.count === 100_000);
    add(
      `reconnect: ${what} armed again, of 100,000`,
      'all',
      all?.armed,
      (n) => n === 100_000,
      (n) => n.toLocaleString('en'),
      '',
    );
    atMost('… longest frame', MAX_FRAME, all?.largestFrame, bytes, '');
    atMost('… longest turn of all reconnects', 50, all?.turnMs, ms, WHY.turn);
  }
  const real = parts.real?.cells['get, depth 100']?.real;
  const cpu =
    real?.['node-zookeeper-client'] === undefined
      ? undefined
      : real.ours.cpuUs / real['node-zookeeper-client'].cpuUs;
  atMost("client CPU per get on a real server, depth 100: of node-zookeeper-client's", 0.6, cpu, share, '');
  atLeast(
    "mini-server, pipelined gets: of a real server's",
    2,
    parts.mini?.served['get, depth 100']?.ratio,
    times,
    WHY.mini,
  );
  atMost('mini-server: start()', 30, parts.mini?.start.startMs, ms, '');
  atMost('import, over bare Node', 15, parts.size?.started['zk-conn, import']?.ms, ms, WHY.loaded);
  atMost('packed', 200_000, parts.size?.packedBytes, kB, WHY.packed);
  atMost('client, minified and gzipped', 35_000, parts.size?.gzippedBytes, kB, WHY.gzipped);
  return rows;
}
