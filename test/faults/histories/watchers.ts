/**
 * Users of watches of every kind, each on a connection of its own, while nodes are created, set, deleted and created again:
 * what they saw, for the checkers to hold against the log of an observer whose connection is never in trouble.
 */
import { ZkError, type Conn, type Watch, type WatchStream } from '../../../src/index.js';
import { checkValues } from '../checkers/values.js';
import {
  checkOneShots,
  checkStream,
  type Change,
  type OneShot,
  type Sight,
} from '../checkers/watch-stream.js';

const NEVER = 1n << 62n;

export type OneShotKind = 'data' | 'exist' | 'child';
export type StreamMode = 'PERSISTENT' | 'PERSISTENT_RECURSIVE';

type Gap = { readonly kind: 'gap'; upTo: bigint };
interface SeenStream {
  readonly mode: StreamMode;
  readonly path: string;
  readonly armed: bigint;
  readonly sights: (Exclude<Sight, { kind: 'gap' }> | Gap)[];
  over: boolean;
}
interface SeenOneShot extends OneShot {
  readonly kind: OneShotKind;
  readonly events: OneShot['events'][number][];
  over: boolean;
  /** Armed where there was no node, and its connection was lost meanwhile. */
  mayMiss: boolean;
}
interface SeenValues {
  readonly kind: 'data' | 'child';
  readonly path: string;
  readonly values: (bigint | null)[];
}

/** What a change is to watches of a kind on a path; the log has only creations, changes of data and deletions. */
function asSeenBy(log: readonly Change[], kind: OneShotKind | StreamMode, path: string): Change[] {
  const child = path === '/' ? '/' : `${path}/`;
  return log.flatMap((change): Change[] => {
    const isChild = change.path.startsWith(child) && !change.path.slice(child.length).includes('/');
    const ofChildren = isChild && change.type !== 'NodeDataChanged';
    const children: Change = { zxid: change.zxid, type: 'NodeChildrenChanged', path };
    if (kind === 'PERSISTENT_RECURSIVE')
      return change.path === path || change.path.startsWith(child) ? [change] : [];
    if (kind === 'child')
      return ofChildren ? [children] : change.path === path && change.type === 'NodeDeleted' ? [change] : [];
    if (change.path === path) return [change];
    return kind === 'PERSISTENT' && ofChildren ? [children] : [];
  });
}

/** A node that came and went while its connection was away is nobody's to tell: the watch goes on from its deletion. */
function oneShotProblems(watch: SeenOneShot, log: readonly Change[], until: bigint): readonly string[] {
  const own = asSeenBy(log, watch.kind, watch.path);
  const deleted = own.filter(({ type, zxid }) => type === 'NodeDeleted' && zxid > watch.armed);
  const begins = [watch.armed, ...(watch.mayMiss ? deleted.map(({ zxid }) => zxid) : [])];
  const readings = begins.map((armed) => checkOneShots([{ ...watch, armed }], own, until));
  return readings.find((problems) => problems.length === 0) ?? readings[0]!;
}

export class Watchers {
  readonly streams: SeenStream[] = [];
  readonly oneShots: SeenOneShot[] = [];
  readonly values: SeenValues[] = [];
  private readonly closers: (() => void)[] = [];
  private readonly ends: { readonly conn: Conn; readonly epoch: number; readonly text: string }[] = [];
  private going = true;

  /** Ends all loops. Call it when each Conn has a session. @returns watches that ended although their session went on */
  giveUp(): readonly string[] {
    this.going = false;
    const wrong = this.ends.filter(({ conn, epoch }) => conn.sessionEpoch === epoch).map(({ text }) => text);
    for (const close of this.closers.splice(0)) close();
    return wrong;
  }

  /** A persistent watch, and a new one in each session. */
  async stream(conn: Conn, mode: StreamMode, path: string): Promise<void> {
    while (this.going) {
      const made = await this.patiently(() =>
        conn
          .addWatch(path, mode, { bufferSize: 1_000_000 })
          .then((stream) => ({ stream, armed: conn.lastZxid, epoch: conn.sessionEpoch })),
      );
      const seen: SeenStream = { mode, path, armed: made.armed, sights: [], over: false };
      this.streams.push(seen);
      this.closers.push(() => made.stream.close());
      await this.look(conn, made.stream, seen).catch((error: unknown) => {
        seen.over = true;
        this.ended(error, conn, made.epoch, `the ${mode} watch of ${path}`);
      });
    }
  }

  private async look(conn: Conn, stream: WatchStream, { sights }: SeenStream): Promise<void> {
    for await (const item of stream) {
      if (item.type === 'gap') {
        const gap: Gap = { kind: 'gap', upTo: NEVER };
        sights.push(gap);
        // behind its answer nothing may be missing; if it is lost, there will be another gap
        void conn.exists('/').then(
          () => (gap.upTo = conn.lastZxid),
          () => undefined,
        );
      } else if (item.type === 'overflow' || item.type === 'suspended') throw new Error(item.type);
      else sights.push({ kind: 'event', type: item.type, path: item.path, zxid: item.zxid });
    }
  }

  /** One watch that fires once after the other. */
  async oneShot(conn: Conn, kind: OneShotKind, path: string): Promise<void> {
    while (this.going) {
      const { watch, armed, epoch, absent } = await this.patiently(() => this.arm(conn, kind, path));
      const seen: SeenOneShot = { kind, path, armed, events: [], over: false, mayMiss: false };
      const lost = (): void => void (seen.mayMiss = absent);
      conn.on('connection', lost);
      this.oneShots.push(seen);
      this.closers.push(() => watch.close());
      try {
        const { type, zxid } = await watch.event;
        seen.events.push({ type, zxid });
      } catch (error) {
        seen.over = this.ended(error, conn, epoch, `the ${kind} watch of ${path}`);
      } finally {
        conn.off('connection', lost);
      }
    }
  }

  /** A node that is not there has no data and no children to watch: its creation is waited for. */
  private async arm(
    conn: Conn,
    kind: OneShotKind,
    path: string,
  ): Promise<{
    readonly watch: Watch;
    readonly armed: bigint;
    readonly epoch: number;
    readonly absent: boolean;
  }> {
    // these calls are the only ones of this Conn: its zxid is that of the answer
    const armed = ({ watch, stat }: { readonly watch: Watch; readonly stat: unknown }) => ({
      watch,
      absent: stat === null,
      armed: conn.lastZxid,
      epoch: conn.sessionEpoch,
    });
    if (kind === 'data') return conn.getW(path).then(armed);
    if (kind === 'child') return conn.childrenW(path).then(armed);
    return conn.existsW(path).then(armed);
  }

  /** The newest state, again and again, across everything. */
  async valuesOf(conn: Conn, kind: 'data' | 'child', path: string): Promise<void> {
    const seen: SeenValues = { kind, path, values: [] };
    this.values.push(seen);
    const stream = kind === 'data' ? conn.watchData(path) : conn.watchChildren(path);
    this.closers.push(() => stream.close());
    for await (const value of stream) {
      const zxid = kind === 'data' ? value?.stat.mzxid : value?.stat.pzxid;
      seen.values.push(zxid ?? null);
    }
  }

  /** @returns does the end of a session excuse that? What {@link giveUp} closed needs no excuse. */
  private ended(error: unknown, conn: Conn, epoch: number, what: string): boolean {
    if (!ZkError.is(error)) throw error;
    if (error.code === 'ZK_WATCH_CLOSED') return false;
    this.ends.push({ conn, epoch, text: `${what} ended in session ${epoch}: ${error.message}` });
    return true;
  }

  /** Makes a call until it succeeds; a node that is not there is waited for, too. */
  private async patiently<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!ZkError.is(error) || !this.going) throw error;
        await this.rest();
      }
    }
  }

  constructor(private readonly rest: () => Promise<void>) {}

  /** @param log of the observer, in order @returns what is wrong: with watches, and gaps that nothing marks */
  judge(log: readonly Change[]): { readonly watches: readonly string[]; readonly gaps: readonly string[] } {
    const until = log.at(-1)?.zxid ?? 0n;
    return {
      watches: [
        ...this.oneShots.flatMap((watch) => oneShotProblems(watch, log, until)),
        ...this.values.flatMap(({ kind, path, values }) => {
          const own = asSeenBy(log, kind === 'data' ? 'exist' : 'PERSISTENT', path).filter(
            ({ type }) => kind === 'data' || type !== 'NodeDataChanged',
          );
          return checkValues({ log: own, path, values, over: false }).map(
            (text) => `${kind} ${path}: ${text}`,
          );
        }),
      ],
      gaps: this.streams.flatMap(({ mode, path, armed, sights, over }) =>
        checkStream({ log: asSeenBy(log, mode, path), armed, until: over ? 0n : until, sights }).map(
          (text) => `${mode} ${path}: ${text}`,
        ),
      ),
    };
  }
}
