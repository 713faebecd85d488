/** What tracing costs that nobody listens to: ours beside a copy of it from which that code was taken out. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { compare } from './measure.mjs';
import { startResponder } from './processes.mjs';
import { printRows } from './tables.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
const QUESTION = 'this.logsRequests || isTracing()';
const cell = { name: 'get, depth 100', op: 'get', depth: 100, data: 100, children: 0, ops: 0 };

export async function runTracing(settings) {
  const dist = withoutTracing();
  const responder = await startResponder(cell, { oneCore: true });
  try {
    const clients = [`untraced=${dist}`, 'ours'];
    const given = { port: responder.port, cell, path: '/bench/node' };
    // two per cent are to be told from none: many short rounds
    const rows = await compare(clients, given, {
      rounds: settings.rounds * 6,
      ms: settings.ms / 2,
      warmMs: 1000,
    });
    printRows(cell.name, rows);
    return { ratio: rows.ours.ratio };
  } finally {
    responder.stop();
  }
}

function withoutTracing() {
  // inside of the project, so that it finds its packages
  const to = path.join(ROOT, '.tmp/bench/untraced');
  fs.rmSync(to, { recursive: true, force: true });
  fs.cpSync(path.join(ROOT, 'dist'), to, { recursive: true });
  const file = path.join(to, 'client.cjs');
  const text = fs.readFileSync(file, 'utf8');
  if (!text.includes(QUESTION)) throw new Error('the question whether somebody listens is not where it was');
  fs.writeFileSync(file, text.replace(QUESTION, 'false'));
  return to;
}
