/**
 * One conversation of a client that uses nearly everything: a credential, watches of all five kinds, reads, writes, multi,
 * multiRead, a close. Whatever happens to its connection meanwhile, the books must balance at its end.
 */
import type * as Client from '../../../src/index.js';
import type { MiniServer, VirtualClock } from '../../../src/testing.js';
import { Wire, type Cut, type Handed } from './wire.js';

/** The client under test. */
export type ClientModule = Pick<typeof Client, 'Conn' | 'ZkError' | 'op' | 'OPEN_ACL_UNSAFE'>;

/** Where conversations are held. */
export interface Stage {
  readonly client: ClientModule;
  readonly clock: VirtualClock;
  readonly server: MiniServer;
  /** Somebody else, whose connection is left alone. */
  readonly witness: Client.Conn;
}

/** What was wrong, by the names of the table; all 0 if the story could be told. */
export interface Books {
  readonly calls: number;
  /** How many calls came to which end. */
  readonly ends: ReadonlyMap<string, number>;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** What there was something to look for: no watch, for instance, where arming all of them was lost. */
  readonly looked: ReadonlySet<Never>;
}

/** What must never be, in short. */
export type Never = 'writes' | 'promises' | 'watches' | 'gaps' | 'sessions' | 'handles' | 'secrets';

/** Something that must never be. */
export class Broken extends Error {
  constructor(
    readonly zero: Never,
    text: string,
  ) {
    super(text);
  }
}

interface Call {
  readonly op: string;
  readonly path: string | undefined;
  end: string | null;
  /** The session in which it was made. */
  readonly epoch: number;
}

const SECRET = 'canary-77ab';
const T = 6000;
let serial = 0;

/** What is done to the session when the connection breaks. */
export type Fate = 'resumed' | 'expired';

class Conversation {
  readonly root = `/r${String(serial++).padStart(6, '0')}`;
  readonly conn: Client.Conn;
  readonly wire: Wire;
  readonly calls: Call[] = [];
  readonly settled: number[] = [];
  private readonly causes: unknown[] = [];
  private readonly looked = new Set<Never>();
  private expired = false;

  constructor(
    private readonly stage: Stage,
    cut: Cut | null,
    fate: Fate,
  ) {
    const { client, clock, server } = stage;
    this.wire = new Wire(clock, server.dialer, cut, () => {
      if (fate === 'expired') this.expired = server.expireSession(this.conn.sessionId);
    });
    this.conn = new client.Conn(server.connectString, {
      dialer: this.wire.dialer,
      clock,
      random: () => 0.5,
      sessionTimeoutMs: T,
      backoff: { baseMs: 10, maxMs: 20 },
    });
    this.conn.on('state', ({ cause }) => void this.causes.push(cause));
    this.conn.on('connectError', ({ error }) => void this.causes.push(error));
  }

  private at(name: string): string {
    return `${this.root}/${name}`;
  }

  /** Makes a call and keeps the books about it. Never rejects: null for a rejection. */
  private call<R>(op: string, path: string | undefined, promise: Promise<R>): Promise<R | null> {
    const call: Call = { op, path, end: null, epoch: this.conn.sessionEpoch };
    const index = this.calls.push(call) - 1;
    const ended = (end: string): void => {
      if (call.end !== null) throw new Broken('promises', `${op} was settled twice`);
      call.end = end;
      this.settled.push(index);
    };
    return promise.then(
      (value) => {
        ended('ok');
        return value;
      },
      (error: unknown) => {
        this.causes.push(error);
        if (!this.stage.client.ZkError.is(error)) throw error;
        ended(error.outcome === 'rejected' ? error.code : error.outcome);
        return null;
      },
    );
  }

  private until<R>(promise: Promise<R>): Promise<R> {
    return this.stage.clock.advanceUntil(promise, { maxMs: 10 * T }).catch((error: unknown) => {
      if ((error as Error).name === 'VirtualTimeError')
        throw new Broken('promises', (error as Error).message);
      throw error;
    });
  }

  async tell(): Promise<Books> {
    const { witness } = this.stage;
    await this.until(this.makeTree());
    const { conn } = this;
    const auth = conn.addAuth('digest', `ada:${SECRET}`).then(
      () => 'ok',
      (error: unknown) => String(error),
    );
    const all = this.first();
    const connected = conn.connect().then(
      () => 'connected',
      (error: unknown) => error,
    );
    const [data, exist, child, stays, tree] = await this.until(all);
    if ((await this.until(connected)) !== 'connected') throw new Broken('promises', 'connect was rejected');
    if ((await this.until(auth)) !== 'ok') throw new Broken('promises', `addAuth: ${await auth}`);
    const streams = [new Listener(stays), new Listener(tree)] as const;
    const reconnectsBefore = this.wire.lines.length;

    // somebody else changes everything that is watched
    await this.until(
      Promise.all([
        witness.set(this.at('a'), 'changed'),
        witness.create(this.at('n')),
        witness.create(this.at('c/1')),
        witness.set(this.at('p'), 'changed'),
        witness.create(this.at('t/x')),
      ]),
    );
    await this.roundTrip();
    this.checkOneShot('data', data, 'NodeDataChanged', this.at('a'));
    this.checkOneShot('exist', exist, 'NodeCreated', this.at('n'));
    this.checkOneShot('child', child, 'NodeChildrenChanged', this.at('c'));
    const stayed = this.wire.lines.length === reconnectsBefore && this.wire.lines.length === 1;
    const heard = [
      streams[0].check('NodeDataChanged', this.at('p'), stayed),
      streams[1].check('NodeCreated', this.at('t/x'), stayed),
    ];
    if (heard.includes(true)) this.looked.add('watches').add('gaps');

    await this.ownChange();
    for (const stream of [stays, tree]) stream?.close();
    await this.roundTrip();
    const { confirmed } = await this.until(conn.close());
    await this.stage.clock.settle();
    for (const stream of streams)
      if (!stream.done) throw new Broken('watches', 'a stream goes on behind close');
    await this.check(confirmed);
    return {
      calls: this.calls.length,
      ends: count(this.calls.map(({ end }) => end ?? 'open')),
      bytesOut: this.wire.lines[0]?.bytesOut ?? 0,
      bytesIn: this.wire.lines[0]?.bytesIn ?? 0,
      looked: this.looked,
    };
  }

  private async makeTree(): Promise<void> {
    const { op, OPEN_ACL_UNSAFE: acl } = this.stage.client;
    const names = ['a', 'c', 'd', 'e', 'f', 'h', 'p', 't', 's'];
    await this.stage.witness.multi([
      op.create(this.root, null, { acl }),
      ...names.map((name) => op.create(this.at(name), 'old', { acl })),
    ]);
  }

  /** Everything at once, before there is a connection. */
  private first(): Promise<
    readonly [
      Client.Watch | null,
      Client.Watch | null,
      Client.Watch | null,
      Client.WatchStream | null,
      Client.WatchStream | null,
    ]
  > {
    const { conn, root } = this;
    const { op, OPEN_ACL_UNSAFE: acl } = this.stage.client;
    const on = <R>(name: string, row: string, make: (path: string) => Promise<R>): Promise<R | null> => {
      const path = name === '' ? root : this.at(name);
      return this.call(row, path, make(path));
    };
    const data = on('a', 'getData', (path) => conn.getW(path));
    const exist = on('n', 'exists', (path) => conn.existsW(path));
    const child = on('c', 'getChildren2', (path) => conn.childrenW(path));
    const stays = on('p', 'addWatch', (path) => conn.addWatch(path, 'PERSISTENT'));
    const tree = on('t', 'addWatch', (path) => conn.addWatch(path, 'PERSISTENT_RECURSIVE'));
    const others = [
      on('x', 'create', (path) => conn.create(path, 'x', { mode: 'EPHEMERAL' })),
      on('s/-', 'create', (path) => conn.create(path, null, { mode: 'PERSISTENT_SEQUENTIAL' })),
      on('y', 'create2', (path) => conn.createWithStat(path, 'y')),
      on('d', 'setData', (path) => conn.set(path, 'new', 0)),
      on('d', 'getData', (path) => conn.get(path)),
      this.call(
        'multi',
        undefined,
        conn.multi([op.create(this.at('m')), op.set(this.at('e'), 'new', 0), op.delete(this.at('f'))]),
      ),
      this.call('multi', undefined, conn.multi([op.create(this.at('g')), op.check(this.at('e'), 99)])),
      this.call(
        'multiRead',
        undefined,
        conn.multiRead([op.get(this.at('d')), op.children(root), op.get(this.at('none'))]),
      ),
      on('none', 'exists', (path) => conn.exists(path)),
      on('', 'getChildren2', (path) => conn.children(path)),
      on('e', 'setACL', (path) => conn.setAcl(path, acl, 0)),
      on('e', 'getACL', (path) => conn.getAcl(path)),
      on('', 'sync', (path) => conn.sync(path)),
      on('h', 'delete', (path) => conn.delete(path, 0)),
      on('none', 'getData', (path) => conn.get(path)),
      on('', 'getEphemerals', (path) => conn.getEphemerals(path)),
    ];
    return Promise.all([data, exist, child, stays, tree, ...others]).then(([w1, w2, w3, s1, s2]) => [
      w1?.watch ?? null,
      w2?.watch ?? null,
      w3?.watch ?? null,
      s1,
      s2,
    ]);
  }

  /** Behind its reply all that happened before has been told. The first may be lost, on the connection that breaks. */
  private async roundTrip(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await this.until(this.call('exists', this.root, this.conn.exists(this.root)));
      if (this.calls.at(-1)?.end === 'ok') {
        await this.stage.clock.settle();
        return;
      }
    }
    throw new Broken('promises', 'no round trip succeeds');
  }

  private checkOneShot(kind: string, watch: Client.Watch | null, type: string, path: string): void {
    // the call was lost, and nothing was armed here; or its session is over, and the watch has ended with it
    if (watch === null) return;
    const json = watch.toJSON();
    if (this.expired && json.state === 'ended') return;
    this.looked.add('watches');
    if (json.state !== 'fired') throw new Broken('watches', `the ${kind} watch is ${json.state}`);
    void watch.event.then((event) => {
      if (event.type !== type || event.path !== path)
        this.causes.push(new Broken('watches', `the ${kind} watch says ${event.type} ${event.path}`));
    });
  }

  /** A change of its own is heard of before it is acknowledged. */
  private async ownChange(): Promise<void> {
    const path = this.at('a');
    const armed = await this.until(this.call('getData', path, this.conn.getW(path)));
    if (armed === null) return;
    const order: string[] = [];
    void armed.watch.event.then(
      () => order.push('event'),
      () => order.push('ended'),
    );
    const set = this.call('setData', path, this.conn.set(path, 'own')).then((stat) => {
      order.push(stat === null ? 'lost' : 'reply');
    });
    await this.until(set);
    if (order.includes('reply')) this.looked.add('watches');
    if (order.includes('reply') && order.join() !== 'event,reply' && order[0] !== 'ended')
      throw new Broken('watches', `its own change: ${order.join()}`);
  }

  /** The books. */
  private async check(confirmed: boolean): Promise<void> {
    const { server, witness, clock } = this.stage;
    this.checkCalls();
    this.checkTree();
    this.looked.add('promises').add('sessions').add('writes').add('handles');
    for (const cause of this.causes) {
      if (cause instanceof Error) this.looked.add('secrets');
      this.checkError(cause);
    }
    if (this.conn.sessionEpoch > (this.expired ? 2 : 1))
      throw new Broken('sessions', `${this.conn.sessionEpoch} sessions`);
    const mine = (): boolean => server.sessions.some(({ id }) => id === this.conn.sessionId);
    if (confirmed && mine()) throw new Broken('handles', 'the session lives although its end was confirmed');
    if (mine()) await clock.advance(2 * T);
    if (mine()) throw new Broken('handles', 'the session never ends');
    if (server.tree.get(this.at('x')) !== undefined) throw new Broken('handles', 'an ephemeral node is left');
    if (server.connectionCount !== 1)
      throw new Broken('handles', `${server.connectionCount} connections are left`);
    if (server.watchCount() !== 0) throw new Broken('handles', `${server.watchCount()} watches are left`);
    await this.until(witness.multi(this.below(this.root).map((path) => this.stage.client.op.delete(path))));
  }

  /** Children first. Not deleteRecursive, which loads a module at first: virtual time does not wait for the disk. */
  private below(path: string): string[] {
    const children = this.stage.server.tree.get(path)?.children ?? [];
    return [...children.flatMap((name) => this.below(`${path}/${name}`)), path];
  }

  private checkCalls(): void {
    const open = this.calls.filter(({ end }) => end === null);
    if (open.length > 0) throw new Broken('promises', `${open.map(({ op }) => op).join()} hang`);
    if (this.settled.some((call, i) => call !== i))
      throw new Broken('promises', `settled in the order ${this.settled.join()}`);
    const asked = this.wire.lines.map(({ handed }) => handed.filter(isOwn));
    const sent = asked.flat();
    const wanted = this.calls.filter(({ end }) => end !== 'not-sent');
    if (sent.length !== wanted.length)
      throw new Broken('sessions', `${wanted.length} calls, but ${sent.length} requests: ${names(sent)}`);
    sent.forEach((request, i) => {
      const call = wanted[i] as Call;
      if (request.op !== call.op || (request.path ?? call.path) !== call.path)
        throw new Broken('sessions', `request ${i} is ${request.op}, call ${call.op}: ${names(sent)}`);
      const known = call.end !== 'unknown';
      if (known !== request.answered)
        throw new Broken(
          'promises',
          `${call.op} ended ${String(call.end)} and was ${request.answered ? '' : 'not '}answered`,
        );
    });
    if (!this.expired) {
      const notSent = this.calls.filter(({ end }) => end === 'not-sent');
      if (notSent.length > 0) throw new Broken('promises', `${notSent.length} calls were never sent`);
    } else {
      // what was called in the first session was not asked in the second
      const later = asked.slice(1).flat().length;
      const second = this.calls.filter(({ epoch }) => epoch === 2).length;
      if (later > second) throw new Broken('sessions', `${later - second} requests of the session before`);
    }
  }

  private checkTree(): void {
    const { tree } = this.stage.server;
    const lost = (what: string): never => {
      throw new Broken('writes', what);
    };
    const version = (name: string): number => tree.get(this.at(name))?.stat.version ?? -1;
    const end = (op: string, name: string): string | null | undefined =>
      this.calls.find((call) => call.op === op && call.path === this.at(name))?.end;
    const first = (op: string): string | null | undefined => this.calls.find((call) => call.op === op)?.end;
    if (end('create2', 'y') === 'ok' && tree.get(this.at('y')) === undefined) lost('y');
    if (end('setData', 'd') === 'ok' && version('d') !== 1) lost('d');
    if (version('d') > 1) lost('d was set twice');
    const numbered = tree.get(this.at('s'))?.children.length ?? 0;
    if (end('create', 's/-') === 'ok' ? numbered !== 1 : numbered > 1) lost(`${numbered} numbered nodes`);
    if (end('delete', 'h') === 'ok' && tree.get(this.at('h')) !== undefined) lost('h');
    const done = [
      tree.get(this.at('m')) !== undefined,
      version('e') === 1,
      tree.get(this.at('f')) === undefined,
    ];
    if (new Set(done).size > 1) lost('half a multi');
    if (first('multi') === 'ok' && done[0] !== true) lost('the multi');
    if (tree.get(this.at('g')) !== undefined) lost('a multi that failed was applied');
    const bad = ['ZK_NODE_EXISTS', 'ZK_NOT_EMPTY', 'ZK_INVALID_ACL', 'ZK_NO_AUTH'];
    for (const call of this.calls) {
      if (bad.includes(call.end ?? '')) lost(`${call.op} ${String(call.path)} ended ${String(call.end)}`);
    }
    if (['setData', 'setACL', 'delete'].some((op) => first(op) === 'ZK_BAD_VERSION'))
      lost('a write ran twice');
  }

  private checkError(error: unknown): void {
    for (let at = error; at instanceof Error; at = at.cause) {
      if (at instanceof Broken) throw at;
      if ((at as { code?: string }).code === 'ZK_INTERNAL') throw new Broken('promises', String(at.cause));
      if (`${at.message}\n${at.stack ?? ''}`.includes(SECRET)) throw new Broken('secrets', at.message);
    }
  }
}

/** What a persistent watch says. */
class Listener {
  readonly items: Client.WatchItem[] = [];
  done: boolean;

  constructor(private readonly stream: Client.WatchStream | null) {
    this.done = stream === null;
    if (stream !== null) void this.read(stream);
  }

  private async read(stream: Client.WatchStream): Promise<void> {
    try {
      for await (const item of stream) this.items.push(item);
    } catch {
      // its session is over
    }
    this.done = true;
  }

  /** @returns false if there is no stream any more that should have said it */
  check(type: string, path: string, stayed: boolean): boolean {
    if (this.stream === null || this.done) return false;
    const events = this.items.filter(
      (item) => item.type === type && (item as { path: string }).path === path,
    );
    const gaps = this.items.filter((item) => item.type === 'gap');
    if (events.length > 1) throw new Broken('watches', `${type} ${path} was told ${events.length} times`);
    if (events.length + gaps.length < this.items.length)
      throw new Broken('watches', `told of ${this.items.map((item) => item.type).join()}`);
    if (events.length === 0 && gaps.length === 0) throw new Broken('gaps', `nothing was told of ${path}`);
    if (stayed && gaps.length > 0) throw new Broken('gaps', 'a gap on a connection that stayed');
    return true;
  }
}

/** Requests of calls, not those that the client makes by itself. */
function isOwn({ op }: Handed): boolean {
  return !['auth', 'ping', 'setWatches', 'setWatches2', 'removeWatches', 'closeSession'].includes(op);
}

function names(list: readonly Handed[]): string {
  return list.map(({ op }) => op).join();
}

function count(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Holds the conversation. @throws {@link Broken} if anything about it is not as it must be */
export function converse(stage: Stage, cut: Cut | null, fate: Fate = 'resumed'): Promise<Books> {
  return new Conversation(stage, cut, fate).tell();
}

/** A server, a clock and a witness. @returns them, and how to end them */
export async function openStage(
  client: ClientModule,
  testing: { readonly MiniServer: typeof MiniServer; readonly VirtualClock: typeof VirtualClock },
  witnessOf: ClientModule = client,
): Promise<Stage & AsyncDisposable> {
  const clock = new testing.VirtualClock();
  const server = await testing.MiniServer.start({ clock });
  const witness = new witnessOf.Conn(server.connectString, {
    dialer: server.dialer,
    clock,
    sessionTimeoutMs: 40_000,
  });
  await clock.advanceUntil(witness.connect());
  return {
    client,
    clock,
    server,
    witness,
    [Symbol.asyncDispose]: async () => {
      await clock.advanceUntil(witness.close());
      await server.close();
    },
  };
}
