/** Single calls, at several depths and sizes, against the canned responder. */
import { CELLS, FEATURES, hasPlainFloor } from './cells.mjs';
import { compare, detail } from './measure.mjs';
import { startResponder } from './processes.mjs';
import { printRows } from './tables.mjs';

const PATH = '/bench/node';

export async function runCalls(settings) {
  const cells = {};
  for (const cell of chosen(CELLS, settings)) {
    const peers = settings.peers.filter((peer) => peer !== 'zookeeper' || cell.op !== 'multi');
    const floors = hasPlainFloor(cell) ? ['floor', 'plain-floor'] : ['floor'];
    cells[cell.name] = await oneCell(cell, [...floors, 'ours', ...settings.also, ...peers], settings);
  }
  for (const cell of chosen(FEATURES, settings)) {
    // how much of ours is left with it: so ours without it comes first
    cells[cell.name] = await oneCell(cell, ['plain', 'ours'], settings);
  }
  return cells;
}

export function chosen(cells, { only, quick }) {
  return cells.filter((cell) => only.test(cell.name) && (!quick || cell.quick === true));
}

async function oneCell(cell, clients, settings) {
  const responder = await startResponder(cell);
  try {
    const given = { port: responder.port, cell, path: PATH };
    const rows = await compare(clients, given, { ...settings, warmMs: 500 });
    await detail(clients, given, rows);
    printRows(cell.name, rows);
    return { cell, rows };
  } finally {
    responder.stop();
  }
}
