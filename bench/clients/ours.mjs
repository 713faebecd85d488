/** zk-conn, as it was built. */
import { tracingChannel } from 'node:diagnostics_channel';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

export async function open({ port, cell, path, data, dist }) {
  const { connect, op } = await import(pathToFileURL(resolve(dist, 'index.js')).href);
  if (cell.tracing === true) {
    const nothing = () => undefined;
    tracingChannel('zk-conn:request').subscribe({
      start: nothing,
      end: nothing,
      asyncStart: nothing,
      asyncEnd: nothing,
      error: nothing,
    });
  }
  const conn = await connect(`127.0.0.1:${port}`, { sessionTimeoutMs: 30_000 });
  const call = callOf(conn, op, cell, path, data);
  return {
    run(state) {
      const workers = [];
      const work = state.sample === null ? worker : timedWorker;
      for (let i = 0; i < cell.depth; i++) workers.push(work(call, state));
      return Promise.all(workers);
    },
    close: () => conn.close(),
  };
}

async function worker(call, state) {
  while (state.running) {
    await call();
    if (++state.ops >= state.limit) state.running = false;
  }
}

async function timedWorker(call, state) {
  while (state.running) {
    const at = performance.now();
    await call();
    state.sample(performance.now() - at);
    if (++state.ops >= state.limit) state.running = false;
  }
}

function callOf(conn, op, cell, path, data) {
  const options = optionsOf(cell);
  switch (cell.op) {
    case 'get':
      if (cell.ownSignal === true) return () => conn.get(path, { signal: new AbortController().signal });
      return options === undefined ? () => conn.get(path) : () => conn.get(path, options);
    case 'exists':
      return () => conn.exists(path);
    case 'set':
      return () => conn.set(path, data);
    case 'create':
      return () => conn.create(path, data, { mode: 'PERSISTENT_SEQUENTIAL' });
    case 'children':
      return () => conn.children(path);
    case 'multi':
      return () => conn.multi(Array.from({ length: cell.ops }, () => op.set(path, data)));
    default:
      throw new Error(`no call for ${cell.op}`);
  }
}

function optionsOf({ signal, timeout }) {
  if (signal !== true && timeout !== true) return undefined;
  return {
    ...(signal === true ? { signal: new AbortController().signal } : {}),
    ...(timeout === true ? { timeoutMs: 20_000 } : {}),
  };
}
