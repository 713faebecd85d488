/** `unref()`, each time in a process of its own: it exits by itself, and not before a call is answered. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiniServer } from '../../src/testing.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const CHILD = fileURLToPath(new URL('./unref-child.mjs', import.meta.url));

let server: MiniServer;

beforeAll(async () => {
  server = await MiniServer.start();
});

afterAll(() => server.close());

/** Runs the child to its end; gives what it said. `heard` may answer a line by doing something to the network. */
async function run(
  what: string,
  heard: (line: string, proxy: TcpProxy) => unknown = () => undefined,
): Promise<readonly string[]> {
  const proxy = await TcpProxy.start(server.connectString);
  const child = spawn(process.execPath, [CHILD, what, proxy.connectString], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    await heard(line, proxy);
    if (line === 'connected') child.stdin.write('go\n');
  }
  const [code] = (await exited) as [number | null];
  await proxy.die();
  expect(code).toBe(0);
  return lines;
}

/** Nothing passes from the connect on, until a process that nothing holds has had its time to end. */
async function lateAnswer(line: string, proxy: TcpProxy): Promise<void> {
  if (line === 'connected') proxy.stall();
  if (line === 'called') {
    await run('idle');
    proxy.goOn();
  }
}

describe('a process whose Conn is unref’d', () => {
  it.each(['idle', 'watching'])('ends by itself while it is connected and %s [E9]', async (what) => {
    expect(await run(what)).toEqual(['connected', 'exit']);
  });

  it.each(['calling', 'authenticating'])('waits for the answer while %s [E9]', async (what) => {
    expect(await run(what, lateAnswer)).toEqual(['connected', 'called', 'answered', 'exit']);
  });

  it('waits for the end of the session while closing [E9]', async () => {
    expect(await run('closing', lateAnswer)).toEqual(['connected', 'called', 'closed true', 'exit']);
  });

  it('waits for a call that is never answered until its time is up [E9]', async () => {
    const lines = await run('timing', (line, proxy) => {
      if (line === 'connected') proxy.stall();
    });
    expect(lines).toEqual(['connected', 'called', 'ZK_REQUEST_TIMEOUT', 'exit']);
  });

  it('ends by itself while there is no server to be had [E9]', async () => {
    const lines = await run('lost', async (line, proxy) => {
      if (line === 'waits') await proxy.die();
    });
    expect(lines).toEqual(['connected', 'waits', 'exit']);
  });

  it('goes on after ref() as any other [E9]', async () => {
    const lines = await run('ref again', async (line, proxy) => {
      if (line !== 'called') return;
      await run('idle');
      proxy.cut();
    });
    expect(lines).toEqual(['connected', 'called', 'unref', 'exit']);
  });
});
