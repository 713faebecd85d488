/** What tracing costs that nobody listens to: ours beside a copy of it from which that code was taken out. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { compare } from './measure.mjs';
import { startResponder } from './processes.mjs';
import { printRows } from './tables.mjs';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** All that a call passes which nobody has asked to tell about it, as it stands in `dist/client.cjs`. */
const HOOKS = [
  // where a request is made: does anybody listen?
  [/\bthis\.logsRequests \|\| isTracing\(\) \? new TracedRequest\([^)]*\) : (?=new PendingRequest\()/g, ''],
  // where its reply comes: it is told, and its class has a method for that
  [/^\w+\.replied\(\w+, \w+ === 0 \? [^;\n]*\);\n/gm, ''],
  [/^replied\(\w+, \w+, \w+\) \{\n\}\n/gm, ''],
];
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
  let text = fs.readFileSync(file, 'utf8');
  for (const [hook, instead] of HOOKS) {
    const found = text.match(hook)?.length ?? 0;
    if (found !== 1)
      throw new Error(`the tracing code ${hook} is there ${found} times: it has to be found anew`);
    text = text.replace(hook, instead);
  }
  fs.writeFileSync(file, text);
  return to;
}
