/** What clients do while something breaks: each of these goes on until the play is over, whatever becomes of its calls. */
import { op, ZkError, type Conn, type WatchStream } from '../../../src/index.js';
import type { Chance } from '../chance.js';
import type { Grant } from '../checkers/tokens.js';
import { Recorder, type OneShotRecord, type StreamRecord } from './recorder.js';

export const REGISTERS = ['/r/a', '/r/b', '/r/c'];
/** Folders that must be there before the play begins, and the registers. */
export const STAGE = ['/r', ...REGISTERS, '/set', '/names', '/own', '/locks', '/fenced'];

/** Behind every zxid. */
const NEVER = 1n << 62n;
/** Time that a holder waits for the one before him, before he looks again, ms. */
const LOOK_AGAIN_MS = 500;

export class Play {
  readonly record = new Recorder();
  private going = true;
  private serial = 0;
  private readonly closers: (() => unknown)[] = [];
  /** Watches that ended with an error, and the session in which they were armed. */
  private readonly ends: { readonly conn: Conn; readonly epoch: number; readonly text: string }[] = [];
  private readonly ended: Promise<void>;
  private end: () => void = () => undefined;

  constructor(
    private readonly chance: Chance,
    /** Longest pause between two rounds of calls, ms. */
    private readonly paceMs: number,
    private readonly sleep: (ms: number) => Promise<void>,
  ) {
    this.ended = new Promise((resolve) => (this.end = resolve));
  }

  /** No new round begins. */
  stop(): void {
    this.going = false;
    this.end();
  }

  /**
   * Streams and watches are given up; what they saw counts as it is. Call it when each Conn has a session again: only the
   * end of its session excuses a watch that ended with an error.
   */
  giveUp(): void {
    for (const { conn, epoch, text } of this.ends.splice(0))
      if (conn.sessionEpoch === epoch) this.record.endedWrongly.push(text);
    for (const close of this.closers.splice(0)) close();
  }

  /** Whether that is an excuse turns out when there is a session again. */
  private endedBy(error: unknown, conn: Conn, epoch: number, what: string): void {
    if (!ZkError.is(error)) throw error;
    if (error.code !== 'ZK_WATCH_CLOSED')
      this.ends.push({ conn, epoch, text: `${what} ended in session ${epoch}: ${error.message}` });
  }

  private pause(): Promise<void> {
    return this.sleep(this.chance.between(1, this.paceMs));
  }

  /** A value that nobody else writes. */
  private unique(client: string): string {
    return `${client}-${this.serial++}`;
  }

  /** Reads, writes and compare-and-sets of registers, several at a time. */
  async registers(conn: Conn, client: string): Promise<void> {
    const versions = new Map<string, number>();
    while (this.going) {
      const calls = Array.from({ length: this.chance.between(1, 4) }, () =>
        this.register(conn, client, this.chance.one(REGISTERS), versions),
      );
      await Promise.all(calls);
      await this.pause();
    }
  }

  private async register(
    conn: Conn,
    client: string,
    key: string,
    versions: Map<string, number>,
  ): Promise<void> {
    const { record, chance } = this;
    const kind = chance.one(['read', 'write', 'cas', 'cas'] as const);
    if (kind === 'read') {
      const { call, value } = await record.call(conn, client, `get ${key}`, () => conn.get(key));
      const seen = value && {
        value: String(value.data),
        version: value.stat.version,
        zxid: value.stat.mzxid,
      };
      if (seen) versions.set(key, seen.version);
      record.registers.push({ ...call, kind, key, ...(seen && { seen }) });
      return;
    }
    const value = this.unique(client);
    const expected = kind === 'cas' ? (versions.get(key) ?? 0) : undefined;
    const { call, value: stat } = await record.call(conn, client, `${kind} ${key}`, () =>
      conn.set(key, value, expected ?? -1),
    );
    const made = stat && { version: stat.version, zxid: stat.mzxid };
    if (made) versions.set(key, made.version);
    record.registers.push({
      ...call,
      kind,
      key,
      value,
      ...(expected !== undefined && { expected }),
      ...(made && { made }),
    });
  }

  /** Members of a set, lists of it, names that the server gives, nodes that say whose session made them. */
  async sets(conn: Conn, client: string): Promise<void> {
    while (this.going) {
      const calls = Array.from({ length: this.chance.between(1, 4) }, () => this.member(conn, client));
      await Promise.all(calls);
      await this.pause();
    }
  }

  private async member(conn: Conn, client: string): Promise<void> {
    const { record } = this;
    const kind = this.chance.one(['add', 'add', 'add', 'list', 'name', 'own'] as const);
    if (kind === 'list') {
      const { call, value } = await record.call(conn, client, 'children', () => conn.children('/set'));
      record.lists.push(value === undefined ? call : { ...call, members: value.children });
    } else if (kind === 'add') {
      const member = this.unique(client);
      const id = `/set/${member}`;
      const { call } = await record.call(conn, client, `create ${id}`, () => conn.create(id));
      record.adds.push({ ...call, member });
      record.traced.push({ ...call, id });
    } else if (kind === 'name') {
      const { call, value } = await record.call(conn, client, 'create a name', () =>
        conn.create('/names/n-', client, { mode: 'PERSISTENT_SEQUENTIAL' }),
      );
      record.names.push(value === undefined ? call : { ...call, number: Number(value.slice(-10)) });
    } else {
      const id = `/own/${this.unique(client)}`;
      const { call, value } = await record.call(conn, client, `create ${id}`, () =>
        conn.createWithStat(id, null, { mode: 'EPHEMERAL' }),
      );
      record.traced.push(
        value === undefined ? { ...call, id } : { ...call, id, owner: value.stat.ephemeralOwner },
      );
    }
  }

  /** A lock whose token goes with each write. Its holders go on writing when they have lost it: nothing of that may pass. */
  async locks(conn: Conn, client: string): Promise<void> {
    while (this.going) {
      const begin = this.record.moments.next();
      const session = conn.sessionId;
      const made = await this.record.call(conn, client, 'create a lock', () =>
        conn.createProtected('/locks/n-', client, { mode: 'EPHEMERAL_SEQUENTIAL' }),
      );
      if (made.value !== undefined) {
        const token = await this.held(conn, client, made.value);
        const call = { client, session, begin, end: this.record.moments.next() };
        if (token !== null) await this.hold(conn, { ...call, outcome: 'ok', token }, made.value);
        else await this.record.call(conn, client, 'delete a lock', () => conn.delete(made.value));
      }
      await this.pause();
    }
  }

  /** Waits until the node is the first one. @returns its czxid, or null if it is gone or the play is over */
  private async held(conn: Conn, client: string, path: string): Promise<bigint | null> {
    const own = path.slice('/locks/'.length);
    while (this.going) {
      const { value: list } = await this.record.call(conn, client, 'children', () => conn.children('/locks'));
      if (list !== undefined) {
        const names = [...list.children].sort((a, b) => (a.slice(-10) < b.slice(-10) ? -1 : 1));
        const at = names.indexOf(own);
        if (at < 0) return null;
        if (at === 0) {
          const { value: stat } = await this.record.call(conn, client, 'exists', () => conn.exists(path));
          if (stat === null) return null;
          if (stat !== undefined) return stat.czxid;
        } else {
          const before = `/locks/${names[at - 1]!}`;
          const { value } = await this.record.call(conn, client, 'exists', () => conn.existsW(before));
          if (value?.stat === null) continue;
          const event = value?.watch.event.catch(() => undefined);
          await Promise.race([event, this.ended, this.sleep(LOOK_AGAIN_MS)]);
          value?.watch.close();
          continue;
        }
      }
      await this.pause();
    }
    return null;
  }

  private async hold(conn: Conn, grant: Grant, path: string): Promise<void> {
    const { record } = this;
    let until: number | undefined;
    const lose = (state: string): void => {
      if (state !== 'RECONNECTED' && state !== 'CONNECTED') until ??= record.moments.next();
    };
    // whoever has lost his connection while he was told is no holder
    if (conn.state !== 'SyncConnected' || conn.sessionId !== grant.session) lose('LOST');
    conn.on('connection', lose);
    const { client } = grant;
    for (let i = this.chance.below(5); i > 0; i--) {
      const token = grant.token!;
      const { call, value } = await record.call(conn, client, 'multi', () =>
        conn.multi([op.check(path, 0), op.set('/fenced', String(token))]),
      );
      record.fenced.push(value === undefined ? { ...call, token } : { ...call, token, zxid: value[1].mzxid });
      await this.pause();
    }
    until ??= record.moments.next();
    conn.off('connection', lose);
    const { call } = await record.call(conn, client, 'delete a lock', () => conn.delete(path));
    // a node that is gone is as good as one that was deleted
    const released = call.outcome === 'ok' ? { released: call.end } : {};
    record.grants.push({ ...grant, until, ...released });
    if (call.outcome !== 'ok' && this.going) void conn.deleteGuaranteed(path).catch(() => undefined);
  }

  /** Each member of the set as an event, across reconnects; a new stream in each session. */
  async streams(conn: Conn, client: string): Promise<void> {
    while (this.going) {
      const { value } = await this.record.call(conn, client, 'addWatch', () =>
        conn
          .addWatch('/set', 'PERSISTENT_RECURSIVE', { bufferSize: 1_000_000 })
          .then((stream) => ({ stream, epoch: conn.sessionEpoch })),
      );
      if (value === undefined) {
        await this.pause();
        continue;
      }
      const { stream, epoch } = value;
      const record: StreamRecord = { armed: conn.lastZxid, sights: [], over: false };
      this.record.streams.push(record);
      this.closers.push(() => stream.close());
      const look = this.look(conn, client, stream, record).catch((error: unknown) => {
        this.endedBy(error, conn, epoch, `the stream of ${client}`);
        record.over = true;
      });
      await Promise.all([look, this.readBeside(conn, client, record)]);
    }
  }

  private async look(conn: Conn, client: string, stream: WatchStream, record: StreamRecord): Promise<void> {
    for await (const item of stream) {
      if (item.type === 'gap') this.gap(conn, client, record);
      else if (item.type === 'overflow' || item.type === 'suspended') throw new Error(item.type);
      else record.sights.push({ kind: 'event', type: item.type, path: item.path, zxid: item.zxid });
    }
  }

  /** A read that is made now comes behind all that may be missing. If it is lost, there will be another gap. */
  private gap(conn: Conn, client: string, record: StreamRecord): void {
    const sight = { kind: 'gap' as const, upTo: NEVER };
    record.sights.push(sight);
    const read = this.record.call(conn, client, 'exists', () => conn.exists('/set'));
    void read.then(({ value }) => {
      if (value) sight.upTo = conn.lastZxid;
    });
  }

  /** Reads of what the stream is about, on its connection: none may show what was not told. */
  private async readBeside(conn: Conn, client: string, record: StreamRecord): Promise<void> {
    while (this.going && !record.over) {
      await this.record.call(conn, client, 'children', () =>
        conn.children('/set').then((value) => {
          if (!record.over) record.sights.push({ kind: 'data', zxid: value.stat.pzxid });
          return value;
        }),
      );
      await this.pause();
    }
  }

  /** One watch after the other, each for the next member of the set. */
  async oneShots(conn: Conn, client: string): Promise<void> {
    while (this.going) {
      const { value } = await this.record.call(conn, client, 'childrenW', () =>
        conn.childrenW('/set').then((armed) => ({ ...armed, epoch: conn.sessionEpoch })),
      );
      if (value === undefined) {
        await this.pause();
        continue;
      }
      const record: OneShotRecord = { path: '/set', armed: value.stat.pzxid, events: [], over: false };
      this.record.oneShots.push(record);
      this.closers.push(() => value.watch.close());
      try {
        const { type, zxid } = await value.watch.event;
        record.events.push({ type, zxid });
      } catch (error) {
        this.endedBy(error, conn, value.epoch, `a watch of ${client}`);
        record.over = (error as ZkError).code !== 'ZK_WATCH_CLOSED';
      }
    }
  }
}
