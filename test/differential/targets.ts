/** The servers on which programs are played. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { digestId } from '../../src/protocol/acls.js';
import { CREATE_FLAGS, Xid } from '../../src/protocol/constants.js';
import { operations, type OpName, type RequestOf } from '../../src/protocol/operations.js';
import type { MiniServer } from '../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../src/testing/options.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { RawClient, decodeResponse, type Address, type RawReply } from '../support/raw-client.js';
import type { Release } from '../support/zookeeper-jars.js';
import { ManualClock } from '../unit/testing/manual-clock.js';
import { play, type Transcript } from './player.js';
import type { Place, Program } from './program.js';
import { becomeBob } from './sasl.js';
import type { Admission, Stage } from './stage.js';
import { preparedPath } from './wrap.js';
import { Scribe } from './transcript.js';

export interface Target {
  readonly name: string;
  /** @param number of the program; no other that is played there has it */
  play(program: Program, number: number): Promise<Transcript>;
  stop(): Promise<void>;
}

/** Settings of a real server under which nothing happens by itself. */
export const REAL_PROPERTIES = {
  'znode.container.checkIntervalMs': '3600000',
  'zookeeper.enforceQuota': 'true',
} as const;

/** The same for a mini-server. */
const MINI_OPTIONS: MiniServerOptions = {
  superDigest: digestId('super:test'),
  enforceQuota: true,
};

/** As what a mini-server is compared with a release. */
export const EMULATED = { '3.8.0': '3.8', '3.9.3': '3.9' } as const;

/** Which server this is, or is to be like, and what it can do. */
export interface Ground {
  readonly release: Release;
  /** How clients of programs speak TLS, by their number, and who is none; left out: they do not. */
  readonly tls?: ((client: number | null) => ConnectionOptions) | undefined;
  readonly admission?: Admission | undefined;
  /** How long a program may take, ms. */
  readonly patienceMs?: number | undefined;
  /** Lets time pass, a little. */
  readonly pass?: (() => Promise<void>) | undefined;
  /** How often that may be, until something happens. */
  readonly passes?: number | undefined;
  /** Programs are given nodes that are there. */
  readonly prepared?: boolean | undefined;
  /** Names below a program's node of what the server deletes by itself. */
  readonly mortals?: Mortals | undefined;
}

/** Names that stand for nothing else. */
export interface Mortals {
  /** Deleted once they have had children and have none. */
  readonly containers: readonly string[];
  /** Deleted as soon as they have no children. */
  readonly ttls: readonly string[];
}

const PATIENCE_MS = 20_000;
/** A real server is looked at so often. */
const PASS_MS = 4;
const PASSES = 2_500;

const addressOf = (server: Address, { tls }: Ground, client: number | null): Address => ({
  ...server,
  tls: tls?.(client),
});

/** One server for all programs. Each has a node of its own, which is made before and deleted after it. */
export class StandingTarget implements Target {
  /** Prepared nodes that programs were given. */
  private used = 0;

  private constructor(
    readonly name: string,
    private readonly server: Address,
    private readonly ground: Ground,
    private readonly admin: RawClient,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(
    name: string,
    server: Address,
    ground: Ground,
    stop: () => Promise<void>,
  ): Promise<StandingTarget> {
    const admin = await RawClient.open(addressOf(server, ground, null), { timeOut: 60_000 });
    if (ground.admission === 'sasl') await becomeBob(admin);
    await admin.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('super:test') });
    return new StandingTarget(name, server, ground, admin, async () => {
      admin.destroy();
      await stop();
    });
  }

  async play(program: Program, number: number): Promise<Transcript> {
    const { root, base } = await this.ownNode(number);
    const scribe = new Scribe({ root, base });
    try {
      const seen = await play(this.stage(root, base), program, scribe);
      const all = [...seen, await this.audit(root, scribe)];
      return this.ground.mortals === undefined ? all : byRank(all);
    } finally {
      await this.clear(root);
      await this.clear(`/zookeeper/quota${root}`);
      if (this.ground.mortals !== undefined) await this.roundOver();
    }
  }

  /**
   * Containers are due for a moment while they are cleared. What the server does about it is over when it has deleted a node
   * that came afterwards.
   */
  private async roundOver(): Promise<void> {
    const path = '/round';
    const node = { path, data: null, acl: OPEN_ACL_UNSAFE, flags: CREATE_FLAGS.PERSISTENT_WITH_TTL, ttl: 1 };
    const made = await this.admin.call('createTTL', node);
    if (made.errno !== 0) throw new Error(`${this.name}: cannot create ${path}: ${made.errno}`);
    await this.until(async () => (await this.admin.call('exists', { path, watch: false })).errno !== 0);
  }

  private async ownNode(number: number): Promise<Place> {
    if (this.ground.prepared === true) {
      const root = preparedPath(this.used++);
      return { root, base: await this.useZxid() };
    }
    const root = `/d-${String(number).padStart(6, '0')}`;
    const made = await this.admin.call('create', { path: root, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
    if (made.errno !== 0) throw new Error(`${this.name}: cannot create ${root}: ${made.errno}`);
    return { root, base: made.zxid };
  }

  private async useZxid(): Promise<bigint> {
    return (await this.admin.call('delete', { path: '/none/x', version: -1 })).zxid;
  }

  private stage(root: string, base: bigint): Stage {
    const { release, patienceMs = PATIENCE_MS } = this.ground;
    return {
      root,
      base,
      addressOf: (client) => addressOf(this.server, this.ground, client),
      admission: this.ground.admission,
      silentCheck: release === '3.8.0',
      patienceMs,
      lastZxid: async () => (await this.admin.call('ping', {}, Xid.PING)).zxid,
      useZxid: () => this.useZxid(),
      until: (isSo) => this.until(isSo),
      settled: () => this.until(async () => !(await this.isDue(root))),
    };
  }

  private async until(isSo: () => Promise<boolean>): Promise<void> {
    const { passes = PASSES, pass = () => pause(PASS_MS) } = this.ground;
    for (let i = 0; i < passes && !(await isSo()); i++) await pass();
  }

  /** Has the server anything to delete by itself? Children are asked for before their parents, which lose them meanwhile. */
  private async isDue(root: string): Promise<boolean> {
    const { containers = [], ttls = [] } = this.ground.mortals ?? {};
    if (containers.length + ttls.length === 0) return false;
    const names = [...containers, ...ttls].sort((a, b) => b.length - a.length);
    const replies = await this.all(
      'exists',
      names.map((name) => ({ path: `${root}/${name}`, watch: false })),
    );
    return replies.some(({ errno, body }, i) => {
      const stat = errno === 0 ? decodeResponse('exists', body).stat : null;
      return stat?.numChildren === 0 && (stat.cversion > 0 || ttls.includes(names[i] as string));
    });
  }

  /** What is left of a program, as the superuser sees it. */
  private async audit(root: string, scribe: Scribe): Promise<readonly string[]> {
    const paths = (await this.below(root)).sort();
    const data = await this.all(
      'getData',
      paths.map((path) => ({ path, watch: false })),
    );
    const acls = await this.all(
      'getACL',
      paths.map((path) => ({ path })),
    );
    return paths.flatMap((path, i) => [
      `left: ${path.replace(root, '$')}`,
      scribe.body(operations.getData, data[i] as RawReply),
      scribe.body(operations.getACL, acls[i] as RawReply),
    ]);
  }

  /** Every path of a subtree, each after its parent. */
  private async below(root: string): Promise<string[]> {
    const all: string[] = [];
    for (let level = [root]; level.length > 0;) {
      all.push(...level);
      const replies = await this.all(
        'getChildren',
        level.map((path) => ({ path, watch: false })),
      );
      level = replies.flatMap(({ errno, body }, i) =>
        errno === 0
          ? decodeResponse('getChildren', body).children.map((name) => `${level[i] as string}/${name}`)
          : [],
      );
    }
    return all;
  }

  private async clear(root: string): Promise<void> {
    const all = (await this.below(root)).reverse();
    await this.all(
      'delete',
      all.map((path) => ({ path, version: -1 })),
    );
  }

  private async all<K extends OpName>(op: K, requests: readonly RequestOf<K>[]): Promise<RawReply[]> {
    for (const request of requests) this.admin.send(op, request);
    const replies: RawReply[] = [];
    for (const request of requests) {
      const reply = await this.admin.reply();
      if (reply === null) {
        throw new Error(`${this.name} hung up on ${operations[op].name} ${JSON.stringify(request)}`);
      }
      replies.push(reply);
    }
    return replies;
  }
}

/**
 * zxids by their rank among those that were seen: a busy server may ask twice for the deletion of what is due, and the second
 * time uses up one that nobody sees.
 */
function byRank(transcript: Transcript): Transcript {
  const seen = new Set(
    transcript.flat().flatMap((line) => [...line.matchAll(ZXIDS)].map(([zxid]) => Number(zxid))),
  );
  const rank = new Map([...seen].sort((a, b) => a - b).map((zxid, i) => [zxid, i]));
  return transcript.map((lines) =>
    lines.map((line) => line.replace(ZXIDS, (zxid) => `#${rank.get(Number(zxid)) ?? 0}`)),
  );
}

/** As a transcript shows them. */
const ZXIDS = /\+\d+/g;

/** Starts mini-servers: the one of `src`, or one with a bug planted in it. */
export type Starts = (options?: MiniServerOptions) => Promise<MiniServer>;

/** A new mini-server for each program. */
export function miniTarget(
  name: string,
  start: Starts,
  ground: Ground,
  options: MiniServerOptions = {},
): Target {
  return {
    name,
    play: async (program, number) => {
      const clock = new ManualClock();
      const pass = (): Promise<void> => {
        clock.advance(options.tickTimeMs ?? STEP_MS);
        return Promise.resolve();
      };
      const server = await start({ ...MINI_OPTIONS, emulate: EMULATED[ground.release], clock, ...options });
      const target = await StandingTarget.start(
        name,
        { port: server.port },
        { pass, passes: MOST_STEPS, ...ground },
        () => server.close(),
      );
      try {
        return await target.play(program, number);
      } finally {
        await target.stop();
      }
    },
    stop: () => Promise.resolve(),
  };
}

const STEP_MS = 50;
/** After so many nothing more is to be expected of a mini-server. */
const MOST_STEPS = 200;
