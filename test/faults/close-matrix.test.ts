/**
 * `close()` from every state, with a server that answers, one that stalls and one that is dead, each in a process of its
 * own: it resolves, nothing is left, and the process exits by itself.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiniServer } from '../../src/testing.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const CHILD = fileURLToPath(new URL('./close-child.mjs', import.meta.url));

const STATES = [
  'idle',
  'resolving',
  'connecting',
  'handshaking',
  'backoff',
  'connected',
  'busy',
  'watching',
  'draining',
  'authenticating',
  'expired',
  'authFailed',
  'closed',
] as const;
type State = (typeof STATES)[number];

/** What the server does from the moment at which close is called. */
const MODES = ['answers', 'stalls', 'is dead'] as const;
type Mode = (typeof MODES)[number];

/** A living server confirms the end of a session that is connected. */
const CONFIRMED: ReadonlySet<State> = new Set(['connected', 'busy', 'watching', 'authenticating', 'closed']);

let server: MiniServer;

beforeAll(async () => {
  server = await MiniServer.start();
});

afterAll(async () => {
  await server.close();
});

interface Report {
  readonly code: number | null;
  readonly stderr: string;
  readonly lines: readonly Record<string, unknown>[];
}

async function run(state: State, mode: Mode): Promise<Report> {
  const proxy = await TcpProxy.start(server.connectString);
  if (state === 'handshaking') proxy.stall();
  const child = spawn(process.execPath, [CHILD, state, proxy.connectString]);
  const lines: Record<string, unknown>[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) {
    const said = JSON.parse(line) as Record<string, unknown>;
    lines.push(said);
    if (typeof said['expire'] === 'string') server.expireSession(BigInt(said['expire']));
    if ('ready' in said) {
      if (mode === 'stalls') proxy.stall();
      if (mode === 'is dead') await proxy.die();
      child.stdin.write('close\n');
    }
  }
  const [code] = (await exited) as [number | null];
  await proxy.die();
  return { code, stderr, lines };
}

describe.each(MODES)('close() when the server %s [E5] [E6] [E9]', (mode) => {
  it.concurrent.each(STATES)('from %s', async (state) => {
    const { code, stderr, lines } = await run(state, mode);
    expect(stderr).toBe('');
    expect(lines.at(-1)).toEqual({ after: 'ZK_CLOSED' });
    const confirmed = state === 'closed' || (mode === 'answers' && CONFIRMED.has(state));
    if (state === 'draining') expect(lines.at(-2)).toMatchObject({ state: 'Closed', resources: [] });
    else
      expect(lines.at(-2)).toEqual({
        closed: [{ confirmed }, { confirmed }],
        state: 'Closed',
        resources: [],
      });
    expect(code).toBe(0);
  });
});
