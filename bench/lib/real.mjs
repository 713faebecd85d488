/** The same calls against servers that work: what the client costs, and the mini-server beside a real one. */
import { CELLS } from './cells.mjs';
import { chosen } from './calls.mjs';
import { compare } from './measure.mjs';
import { prepare, startMini, startReal } from './servers.mjs';
import { printRows } from './tables.mjs';

/** @returns per server and cell the rows of each client */
export async function runReal(settings) {
  const real = await startReal();
  const mini = await startMini();
  const results = { version: real?.version ?? null, cells: {} };
  const cells = chosen(CELLS, settings).filter((cell) => cell.real === true);
  try {
    for (const cell of cells) {
      const each = { cell };
      for (const [name, server] of Object.entries({ real, mini })) {
        if (server === null) continue;
        each[name] = await onServer(cell, server, settings);
        printRows(
          `${cell.name}, ${name === 'real' ? `ZooKeeper ${real.version}` : 'mini-server'}`,
          each[name],
        );
      }
      results.cells[cell.name] = each;
    }
  } finally {
    mini.stop();
    await real?.stop();
  }
  return results;
}

async function onServer(cell, { port }, settings) {
  const node = await prepare(port, cell);
  const path = cell.op === 'create' ? '/bench/create/n-' : node;
  const peers = settings.peers.filter((peer) => peer !== 'zookeeper' || cell.op !== 'multi');
  const clients = ['floor', 'ours', ...settings.also, ...peers];
  return compare(clients, { port, cell, path }, { ...settings, warmMs: 500 });
}
