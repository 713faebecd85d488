/** A mini-server in a process of its own, which does what it is told over IPC. */
import { MiniServer } from '../../dist/testing.js';

const began = performance.now();
const server = await MiniServer.start({ maxSessionTimeoutMs: 60_000 });
const startMs = performance.now() - began;

const COMMANDS = {
  drop: () => server.dropConnections(),
  watches: () => server.watchCount(),
  memory: () => {
    for (let i = 0; i < 3; i++) globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return { bytes: heapUsed + external };
  },
};

process.on('message', async ({ command }) => process.send({ result: await COMMANDS[command]() }));
process.on('disconnect', () => process.exit());
process.send({ port: server.port, startMs });
