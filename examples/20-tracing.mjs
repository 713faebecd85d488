/** What a Conn does, seen from outside: channels, numbers, warnings. None of it costs anything while nobody listens. */
import { subscribe, tracingChannel } from 'node:diagnostics_channel';
import { connect } from 'zk-conn';
import { playground } from './support.mjs';

const requests = tracingChannel('zk-conn:request');
/** The helpers of this example have a Conn of their own: only what is done under /traced is shown. */
const ours = ({ path }) => path?.startsWith('/traced') === true;
const show = (what) => (trace) => {
  if (ours(trace)) console.log(`${what}: ${trace.op} ${trace.path} ${trace.outcome ?? ''}`.trimEnd());
};

await playground(async (servers) => {
  const sessions = [];
  subscribe('zk-conn:session', ({ event, state }) => sessions.push(event === 'state' ? state : event));
  requests.subscribe({ start: show('start'), asyncEnd: show('done'), error: show('failed') });

  const conn = await connect(servers);
  console.log(`session: ${sessions.join(', ')}`);

  await conn.create('/traced', 'x');
  await conn.get('/traced/nobody').catch(() => {});

  // given up after it was sent: what became of it is known when the late reply comes
  const late = new Promise((resolve) => subscribe('zk-conn:request:late', resolve));
  const abort = new AbortController();
  const write = conn.set('/traced', 'y', -1, { signal: abort.signal }).catch(() => {});
  await new Promise(setImmediate); // it is on its way now
  abort.abort();
  await write;
  const trace = await late;
  console.log(`late reply: ${trace.op} ${trace.path} was ${trace.late.outcome}`);

  // a listener that keeps everybody waiting
  const warned = new Promise((resolve) => conn.once('warning', resolve));
  conn.once('watch', function recount() {
    const until = Date.now() + 150;
    while (Date.now() < until);
  });
  await conn.getW('/traced');
  await conn.set('/traced', 'z');
  const { kind, handler, event } = await warned;
  console.log(`warning: ${kind} ${handler}, listener of ${event}`);

  const { state, inFlight, queued, watches, expiries } = conn.stats();
  console.log('stats:', JSON.stringify({ state, inFlight, queued, watches: watches.data, expiries }));
  await conn.close();
});
