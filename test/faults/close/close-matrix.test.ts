/**
 * `close()` from every state, with a server that answers, one that stalls and one that is dead, each in a process of its
 * own: it resolves, every call is settled, nothing is left, and the process ends by itself. So it is when a signal says so.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiniServer } from '../../../src/testing.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { checked, injected, requested } from '../../support/tally.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const CHILD = fileURLToPath(new URL('./close-child.mjs', import.meta.url));

const STATES = [
  'idle',
  'resolving',
  'connecting',
  'securing',
  'handshaking',
  'in SASL',
  'backoff',
  'connected',
  'busy',
  'watching',
  'streaming',
  'draining',
  'authenticating',
  'rearming',
  'expired',
  'authFailed',
  'closed',
] as const;
type State = (typeof STATES)[number] | 'registered';

/** What the server does from the moment at which close is called. */
const MODES = ['answers', 'stalls', 'is dead'] as const;
type Mode = (typeof MODES)[number];

/** A living server confirms the end of a session that is connected. */
const CONFIRMED: ReadonlySet<State> = new Set([
  'connected',
  'busy',
  'watching',
  'streaming',
  'authenticating',
  'rearming',
  'closed',
  'registered',
]);

/** The request whose answer the state waits for. */
const HELD: Partial<Record<State, 'auth' | 'sasl' | 'setWatches'>> = {
  'in SASL': 'sasl',
  authenticating: 'auth',
  rearming: 'setWatches',
};

let made: Certificates;

beforeAll(() => {
  made = makeCertificates();
});

afterAll(() => made[Symbol.dispose]());

interface Report {
  readonly code: number | null;
  readonly stderr: string;
  readonly lines: readonly Record<string, unknown>[];
  /** Sessions that the server still has when the process is gone. */
  readonly sessions: number;
  readonly members: number;
}

async function run(state: State, mode: Mode, signal?: NodeJS.Signals): Promise<Report> {
  const { key, cert } = made.server;
  await using server = await MiniServer.start({
    ...(state === 'securing' ? { tls: { key, cert } } : {}),
    sasl: { users: { bob: 'secret' } },
  });
  const proxy = await TcpProxy.start(server.connectString);
  if (state === 'handshaking' || state === 'securing') proxy.stall();
  const op = HELD[state];
  const held = op === undefined ? undefined : server.when({ op }).hold();
  // a server that answers is waited for however busy this machine is, the others are not
  const closeTimeoutMs = mode === 'answers' && state !== 'securing' && CONFIRMED.has(state) ? 60_000 : 300;
  const child = spawn(process.execPath, [CHILD, state, proxy.connectString, String(closeTimeoutMs)]);
  const lines: Record<string, unknown>[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) {
    const said = JSON.parse(line) as Record<string, unknown>;
    lines.push(said);
    if (typeof said['expire'] === 'string') server.expireSession(BigInt(said['expire']));
    if (said['cut'] === true) server.dropConnections();
    if (!('ready' in said)) continue;
    await held?.reached;
    if (mode === 'stalls') proxy.stall();
    if (mode === 'is dead') await proxy.die();
    if (signal === undefined) child.stdin.write('close\n');
    else child.kill(signal);
    if (mode === 'answers') held?.release();
    injected(`close while the server ${mode}`);
    if (signal !== undefined) injected(signal);
  }
  const [code] = (await exited) as [number | null];
  await proxy.die();
  const members = server.tree.get('/member') === undefined ? 0 : 1;
  return { code, stderr, lines, sessions: server.sessions.length, members };
}

/** What must be so whatever the state was. */
function expectCleanEnd({ code, stderr, lines }: Report, state: State, confirmed: boolean | null): void {
  expect(stderr).toBe('');
  const [end, after, exit] = lines.slice(-3);
  const { calls, hanging } = after as { calls: number; hanging: number };
  const { resources, sockets } = end as { resources: string[]; sockets: number };
  requested(calls);
  checked('promises hanging', hanging);
  checked('leaked handles', resources.length + sockets);
  expect(end).toMatchObject({ same: true, state: 'Closed', resources: [], sockets: 0 });
  // how much of what drains has reached the server is for the system to say
  if (confirmed !== null) expect(end).toMatchObject({ confirmed });
  expect(after).toEqual({ after: 'ZK_CLOSED', calls, hanging: 0 });
  if (['resolving', 'busy', 'streaming', 'draining', 'rearming'].includes(state))
    expect(calls).toBeGreaterThan(0);
  expect(exit).toEqual({ exit: 'by itself' });
  expect(code).toBe(0);
}

describe.each(MODES)('close() when the server %s [E5] [E6] [E9]', (mode) => {
  it.concurrent.each(STATES)('from %s', async (state) => {
    const report = await run(state, mode);
    const isConfirmed = state === 'closed' || (mode === 'answers' && CONFIRMED.has(state));
    expectCleanEnd(report, state, state === 'draining' ? null : isConfirmed);
    if (isConfirmed) expect(report.sessions).toBe(0);
  });
});

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

// Windows has no signals that a process could answer
describe.runIf(process.platform !== 'win32')('a signal whose handler awaits close()', () => {
  it.concurrent.each(SIGNALS)('%s: the ephemeral node is gone before the process is', async (signal) => {
    const report = await run('registered', 'answers', signal);
    expect(report.lines).toContainEqual(expect.objectContaining({ why: signal }));
    expectCleanEnd(report, 'registered', true);
    expect([report.members, report.sessions]).toEqual([0, 0]);
  });

  it.concurrent.each(['stalls', 'is dead'] as const)(
    'SIGTERM while the server %s: it ends all the same, and the node stays until the session expires',
    async (mode) => {
      const report = await run('registered', mode, 'SIGTERM');
      expectCleanEnd(report, 'registered', false);
      expect([report.members, report.sessions]).toEqual([1, 1]);
    },
  );

  it.concurrent.each(['resolving', 'handshaking', 'backoff', 'busy', 'rearming'] as const)(
    'SIGTERM from %s, while the server stalls',
    async (state) => {
      expectCleanEnd(await run(state, 'stalls', 'SIGTERM'), state, false);
    },
  );
});
