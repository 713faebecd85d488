/** `unref()`, each time in a process of its own: it exits by itself, and not before a call is answered. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProxy, MiniServer } from '../../src/testing.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';

const CHILD = fileURLToPath(new URL('./unref-child.mjs', import.meta.url));

let server: MiniServer;
let secureServer: MiniServer;
let made: Certificates;

beforeAll(async () => {
  server = await MiniServer.start();
  made = makeCertificates();
  const { key, cert } = made.server;
  secureServer = await MiniServer.start({ tls: { key, cert } });
});

afterAll(async () => {
  await server.close();
  await secureServer.close();
  made[Symbol.dispose]();
});

/** Runs the child to its end; gives what it said. `heard` may answer a line by doing something to the network. */
async function run(
  what: string,
  heard: (line: string, proxy: FaultProxy) => unknown = () => undefined,
  secure = false,
): Promise<readonly string[]> {
  const proxy = await FaultProxy.start({ target: (secure ? secureServer : server).connectString });
  const more = secure ? [made.caFile] : [];
  const child = spawn(process.execPath, [CHILD, what, proxy.connectString, ...more], {
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
  await proxy.close();
  expect(code).toBe(0);
  return lines;
}

/** Nothing passes from the connect on, until a process that nothing holds has had its time to end. */
async function lateAnswer(line: string, proxy: FaultProxy): Promise<void> {
  if (line === 'connected') proxy.pause();
  if (line === 'called') {
    await run('idle');
    proxy.heal();
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
      if (line === 'connected') proxy.pause();
    });
    expect(lines).toEqual(['connected', 'called', 'ZK_REQUEST_TIMEOUT', 'exit']);
  });

  it('ends by itself while there is no server to be had [E9]', async () => {
    const lines = await run('lost', async (line, proxy) => {
      if (line === 'waits') await proxy.close();
    });
    expect(lines).toEqual(['connected', 'waits', 'exit']);
  });

  it('goes on after ref() as any other [E9]', async () => {
    const lines = await run('ref again', async (line, proxy) => {
      if (line !== 'called') return;
      await run('idle');
      proxy.dropConnections();
    });
    expect(lines).toEqual(['connected', 'called', 'unref', 'exit']);
  });

  describe.each([
    ['TCP', false],
    ['TLS', true],
  ])('over %s', (_what, secure) => {
    it.each(['idle', 'from the beginning'])('ends by itself: %s [E9]', async (what) => {
      expect(await run(what, undefined, secure)).toEqual(['connected', 'exit']);
    });

    it('waits for an answer [E9]', async () => {
      const lines = await run('calling', lateAnswer, secure);
      expect(lines).toEqual(['connected', 'called', 'answered', 'exit']);
    });

    it('holds the process again on a connection that is made after ref() [E9]', async () => {
      const again = async (line: string, proxy: FaultProxy): Promise<void> => {
        if (line !== 'called') return;
        await run('idle', undefined, secure);
        proxy.dropConnections();
      };
      expect(await run('ref again', again, secure)).toEqual(['connected', 'called', 'unref', 'exit']);
    });
  });
});
