/**
 * Processes of a run. Each client has a core to itself while it is measured, the last one; servers have the others. With
 * `oneCore` the canned responder shares the client's: then a round costs what both work and nothing else, and much else may
 * run on the machine before the ratio of two clients changes.
 */
import { fork, spawnSync } from 'node:child_process';
import * as os from 'node:os';
import * as path from 'node:path';

const HERE = import.meta.dirname;
const cores = os.availableParallelism();
const hasTaskset = spawnSync('taskset', ['--version']).status === 0;
/** Is it seen to that processes stay on their cores? */
export const pins = hasTaskset && cores > 1;
const OWN_CORE = String(cores - 1);
const OTHER_CORES = cores > 2 ? `0-${cores - 2}` : '0';

/** Runs a script on the core of the clients, or on another. */
export function start(script, args, { flags = [], apart = false } = {}) {
  const child = fork(path.join(HERE, script), args, {
    execArgv: flags,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  pin(child.pid, apart ? OTHER_CORES : OWN_CORE);
  return child;
}

/** Keeps a process off the core of the clients. */
export function keepApart(pid) {
  pin(pid, OTHER_CORES);
}

function pin(pid, list) {
  if (pins) spawnSync('taskset', ['-a', '-p', '-c', list, String(pid)]);
}

/** The next message of a child. @throws if it ends first, or says that it failed */
export function message(child) {
  return new Promise((resolve, reject) => {
    const done = (settle) => (value) => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      settle(value);
    };
    const onMessage = done((given) =>
      given.failed === undefined ? resolve(given) : reject(new Error(given.failed)),
    );
    const onExit = done((code) => reject(new Error(`a process of the bench ended with ${code}`)));
    child.on('message', onMessage);
    child.on('exit', onExit);
  });
}

/** Tells a child to do something, and waits for the result. */
export async function ask(child, command, options = {}) {
  const answer = message(child);
  child.send({ command, ...options });
  return (await answer).result;
}

/** Starts the canned responder. */
export async function startResponder(parameters, { oneCore = false } = {}) {
  const child = start('responder.mjs', [JSON.stringify(parameters)], { apart: !oneCore });
  const { port } = await message(child);
  return { port, cpuUs: () => ask(child, 'cpu'), stop: () => child.disconnect() };
}

/** Starts a client and waits until it is connected. `NAME=DIST` is ours, of another build. */
export async function startClient(client, given, flags = []) {
  const { module, dist } = sourceOf(client);
  const child = start('client-process.mjs', [module, JSON.stringify({ ...given, dist })], { flags });
  await message(child);
  return child;
}

const ROOT = path.resolve(HERE, '../..');

function sourceOf(client) {
  const [name, dist] = client.split('=');
  if (name === 'ours' || name === 'plain') return { module: 'ours', dist: path.join(ROOT, 'dist') };
  return dist === undefined ? { module: name, dist: '' } : { module: 'ours', dist: path.resolve(dist) };
}
