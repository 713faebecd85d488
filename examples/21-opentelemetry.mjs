/**
 * Spans of OpenTelemetry from the channel `zk-conn:request`. `traceZooKeeper` is all that you need; give it your tracer:
 * `trace.getTracer('app')` of `@opentelemetry/api`. Here a tracer of a few lines stands in for it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { connect } from 'zk-conn';
import { playground } from './support.mjs';

const CLIENT = 2; // SpanKind.CLIENT
const ERROR = 2; // SpanStatusCode.ERROR

/** A span for each request, a child of whatever is active when the call is made. */
export function traceZooKeeper(tracer) {
  const spans = new WeakMap();
  tracingChannel('zk-conn:request').subscribe({
    start(trace) {
      const { op, serverPath } = trace;
      const attributes = {
        'db.system.name': 'zookeeper',
        'db.operation.name': op,
        'zookeeper.path': serverPath,
      };
      spans.set(trace, tracer.startSpan(`zookeeper ${op}`, { kind: CLIENT, attributes }));
    },
    asyncEnd(trace) {
      const { server, xid, requestBytes, responseBytes, outcome, error } = trace;
      const span = spans.get(trace);
      span?.setAttributes({ 'server.address': server, 'zookeeper.xid': xid, 'zookeeper.outcome': outcome });
      span?.setAttributes({
        'zookeeper.request.size': requestBytes,
        'zookeeper.response.size': responseBytes,
      });
      if (error) span?.setStatus({ code: ERROR, message: error.message });
      if (error) span?.setAttribute('error.type', error.code ?? error.name);
      span?.end();
    },
  });
}

const active = new AsyncLocalStorage();
/** The part of OpenTelemetry's tracer that is used above. */
const printingTracer = {
  startSpan(name, { attributes = {} }) {
    const parent = active.getStore();
    const set = (more) => Object.assign(attributes, more);
    const print = () => console.log(`${parent} > ${name} ${attributes['error.type'] ?? 'ok'}`);
    const end = () => parent && print();
    return { setAttributes: set, setAttribute: (key, value) => set({ [key]: value }), setStatus() {}, end };
  },
};

await playground(async (servers) => {
  traceZooKeeper(printingTracer);
  const conn = await connect(servers);
  await active.run('POST /users', () => conn.create('/users', '[]'));
  await active.run('GET /users', () => Promise.allSettled([conn.get('/users'), conn.get('/nobody')]));
  await conn.close();
});
