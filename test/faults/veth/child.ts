/**
 * What runs at the ends of a veth link, each end a process of its own: servers at the far one, clients at both. The test
 * says through a channel what is to be done, and is told what becomes of it. Bundled by `peer.ts`.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  connect,
  RequestTimeoutError,
  SessionExpiredError,
  ZkError,
  type Conn,
  type ConnOptions,
} from '../../../src/index.js';
import { MiniServer } from '../../../src/testing.js';
import { startRealServer, type RealServer } from '../../support/real-zookeeper.js';
import { untilDone } from '../../support/until-done.js';
import { Chance } from '../chance.js';
import { Play } from '../histories/players.js';
import type { Recorder } from '../histories/recorder.js';
import { readEnding, setStage } from '../histories/stage.js';

/** What is told unasked. */
export type Said = { readonly conn: string } & (
  | { readonly what: 'state'; readonly name: string; readonly session: bigint }
  | { readonly what: 'connection'; readonly name: string }
  | { readonly what: 'one-shot'; readonly name: string; readonly path: string }
  | { readonly what: 'stream'; readonly name: string; readonly path: string }
);

/** What became of a job. */
export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** What became of a call. */
export interface Ended {
  readonly outcome: ZkError['outcome'] | 'ok';
  readonly code?: string;
}

/** What a play has written down, without its clock. */
export type Written = Omit<Recorder, 'moments' | 'call'>;

const conns = new Map<string, Conn>();
const servers: (MiniServer | RealServer)[] = [];
const plays = new Map<
  string,
  { readonly play: Play; readonly conns: readonly Conn[]; readonly ended: Promise<unknown> }
>();
/** Calls that have not settled. */
const open = new Set<string>();

/** Asks again and again while the answer is lost or late, or the session is over. */
async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await untilDone(call);
    } catch (error) {
      if (!(error instanceof SessionExpiredError || error instanceof RequestTimeoutError)) throw error;
    }
  }
}

const tell = (what: Said | Answer): void => void process.send!(what);

function connOf(name: string): Conn {
  return conns.get(name)!;
}

async function made(name: string, connectString: string, options: ConnOptions): Promise<Conn> {
  const all = { backoff: { baseMs: 20, maxMs: 200 }, ...options };
  // however busy the machine is
  const conn = await connect(connectString, all, { timeoutMs: 60_000 });
  conns.set(name, conn);
  return conn;
}

/** Sets a node, and says what became of that. */
async function set(name: string, path: string, data: string): Promise<Ended> {
  const call = `set ${path} to ${data}`;
  open.add(call);
  try {
    await connOf(name).set(path, data);
    return { outcome: 'ok' };
  } catch (error) {
    if (!ZkError.is(error)) throw error;
    return { outcome: error.outcome, code: error.code };
  } finally {
    open.delete(call);
  }
}

const jobs = {
  /** A server on all addresses of this end. @returns its port */
  async mini(tickTimeMs: number): Promise<number> {
    const server = await MiniServer.start({ host: '*', tickTimeMs });
    servers.push(server);
    return Number(server.connectString.split(':').at(-1));
  },

  async real(version: string): Promise<number> {
    const server = await startRealServer({ version, config: { clientPortAddress: '0.0.0.0' } });
    servers.push(server);
    return server.port;
  },

  /** A Conn that tells of all its states. @returns its session */
  async connect(name: string, connectString: string, sessionTimeoutMs: number): Promise<bigint> {
    const conn = await made(name, connectString, { sessionTimeoutMs });
    conn.on('state', ({ state, sessionId }) =>
      tell({ conn: name, what: 'state', name: state, session: sessionId }),
    );
    conn.on('connection', (state) => tell({ conn: name, what: 'connection', name: state }));
    return conn.sessionId;
  },

  async create(name: string, path: string, mode: 'PERSISTENT' | 'EPHEMERAL' = 'PERSISTENT'): Promise<string> {
    return untilDone(() => connOf(name).create(path, '', { mode }));
  },

  set,

  /** Calls {@link set} at the moment at which the Conn says that it is disconnected. */
  async setWhenDisconnected(name: string, path: string, data: string): Promise<Ended> {
    const conn = connOf(name);
    await new Promise<void>((resolve) => {
      conn.on('state', function look({ state }) {
        if (state !== 'Disconnected') return;
        conn.off('state', look);
        resolve();
      });
    });
    return set(name, path, data);
  },

  async sync(name: string): Promise<void> {
    await untilAnswered(() => connOf(name).sync('/'));
  },

  /** Whose the node is, 0n if it is nobody's; null if there is none. */
  async owner(name: string, path: string): Promise<bigint | null> {
    const stat = await untilDone(() => connOf(name).exists(path));
    return stat === null ? null : stat.ephemeralOwner;
  },

  async data(name: string, path: string): Promise<string> {
    const { data } = await untilDone(() => connOf(name).get(path));
    return String(data);
  },

  /** Resolves when the node is gone. */
  async gone(name: string, path: string): Promise<void> {
    for (;;) {
      const { stat, watch } = await connOf(name).existsW(path);
      if (stat === null) {
        watch.close();
        return;
      }
      await watch.event;
    }
  },

  /** Watches a node once, and what is under a node from now on, and tells what it hears of it. */
  async watch(name: string, path: string, below: string): Promise<void> {
    const conn = connOf(name);
    const { watch } = await conn.getW(path);
    void watch.event.then(({ type }) => tell({ conn: name, what: 'one-shot', name: type, path }));
    const stream = await conn.addWatch(below, 'PERSISTENT_RECURSIVE');
    void (async () => {
      for await (const item of stream) {
        const where = 'path' in item ? item.path : below;
        tell({ conn: name, what: 'stream', name: item.type, path: where });
      }
    })();
  },

  async epoch(name: string): Promise<number> {
    return connOf(name).sessionEpoch;
  },

  async setStage(name: string): ReturnType<typeof setStage> {
    return setStage(connOf(name));
  },

  async readEnding(name: string): ReturnType<typeof readEnding> {
    return readEnding(connOf(name));
  },

  /** Begins a play of eight clients. */
  async play(name: string, connectString: string, seed: number, sessionTimeoutMs: number): Promise<void> {
    const chance = new Chance(seed);
    const own: Conn[] = [];
    for (let i = 0; i < 8; i++)
      own.push(await made(`${name} ${i}`, connectString, { sessionTimeoutMs, random: chance.random }));
    const [a, b, c, d, e, f, g, h] = own as [Conn, Conn, Conn, Conn, Conn, Conn, Conn, Conn];
    const play = new Play(chance, 60, (ms) => pause(ms));
    const ended = Promise.all([
      play.registers(a, 'ann'),
      play.registers(b, 'bob'),
      play.sets(c, 'cat'),
      play.sets(d, 'dan'),
      play.locks(e, 'eve'),
      play.locks(f, 'fay'),
    ]);
    void play.streams(g, 'gil');
    void play.oneShots(h, 'hal');
    plays.set(name, { play, conns: own, ended });
  },

  /** Resolves when the first client, who has always asked for something, has lost its connection. */
  async noticed(name: string): Promise<void> {
    const conn = plays.get(name)!.conns[0]!;
    if (conn.state !== 'SyncConnected') return;
    await new Promise<void>((resolve) => void conn.once('state', () => resolve()));
  },

  /** Resolves when each client has had an answer to something that it asked from now on. */
  async working(name: string): Promise<void> {
    await Promise.all(plays.get(name)!.conns.map((conn) => untilAnswered(() => conn.sync('/'))));
  },

  /** Resolves when so many calls more have settled. */
  async settled(name: string, calls: number): Promise<void> {
    const { play, conns: own } = plays.get(name)!;
    const { record } = play;
    const before = record.requests - record.open.size;
    while (record.requests - record.open.size < before + calls) await untilAnswered(() => own[0]!.sync('/'));
  },

  /** Ends the play; resolves when all that was called has settled or should have, and all that was told was heard. */
  async finish(name: string): Promise<void> {
    const { play, conns: own, ended } = plays.get(name)!;
    play.stop();
    // each call has its time-out; what has not settled behind that hangs
    await Promise.race([ended, pause(3 * own[0]!.negotiatedTimeoutMs, undefined, { ref: false })]);
    await Promise.all(own.slice(6).map((conn) => untilAnswered(() => conn.sync('/'))));
  },

  /** What was written down. */
  async record(name: string): Promise<Written> {
    const { play } = plays.get(name)!;
    play.giveUp();
    const { moments: _, ...record } = play.record;
    return record;
  },

  /** Calls of {@link set} that have not settled. */
  async open(): Promise<readonly string[]> {
    return [...open];
  },

  /** Closes everything. Behind that nothing keeps this process but the channel. */
  async close(): Promise<void> {
    for (const { play } of plays.values()) {
      play.stop();
      play.giveUp();
    }
    await Promise.all([...conns.values()].map((conn) => conn.close()));
    await Promise.all(
      servers.map((server) => (server instanceof MiniServer ? server.close() : server.stop())),
    );
    closed = true;
  },
};

export type Jobs = typeof jobs;

let closed = false;
process.on('message', (message) => {
  const { id, job, args } = message as { id: number; job: keyof Jobs; args: unknown[] };
  const run = jobs[job] as (...given: unknown[]) => Promise<unknown>;
  run(...args).then(
    (value) => tell({ id, value }),
    (error: unknown) =>
      tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
// whoever commands this is gone without a word
process.on('disconnect', () => {
  if (!closed) process.exit(1);
});
