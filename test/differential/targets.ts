/** The servers on which programs are played. */
import { setTimeout as pause } from 'node:timers/promises';
import { digestId } from '../../src/protocol/acls.js';
import { Xid } from '../../src/protocol/constants.js';
import { operations, type OpName, type RequestOf } from '../../src/protocol/operations.js';
import type { MiniServer } from '../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../src/testing/options.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { RawClient, decodeResponse, type Address, type RawReply } from '../support/raw-client.js';
import type { Release } from '../support/zookeeper-jars.js';
import { ManualClock } from '../unit/testing/manual-clock.js';
import { play, type Transcript } from './player.js';
import type { Program } from './program.js';
import type { Stage } from './stage.js';
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
  /** Where clients of programs connect to, by their number; left out, and for who is no client: the server's own address. */
  readonly addressOf?: ((client: number | null) => Address) | undefined;
  /** How long a program may take, ms. */
  readonly patienceMs?: number | undefined;
  /** Lets time pass, a little. */
  readonly pass?: (() => Promise<void>) | undefined;
  /** How often that may be, until something happens. */
  readonly passes?: number | undefined;
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

/** One server for all programs. Each has a node of its own, which is made before and deleted after it. */
export class StandingTarget implements Target {
  private constructor(
    readonly name: string,
    private readonly address: Address,
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
    const address = ground.addressOf?.(null) ?? server;
    const admin = await RawClient.open(address, { timeOut: 60_000 });
    await admin.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('super:test') });
    return new StandingTarget(name, address, ground, admin, async () => {
      admin.destroy();
      await stop();
    });
  }

  async play(program: Program, number: number): Promise<Transcript> {
    const root = `/d-${String(number).padStart(6, '0')}`;
    const made = await this.admin.call('create', { path: root, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
    if (made.errno !== 0) throw new Error(`${this.name}: cannot create ${root}: ${made.errno}`);
    const scribe = new Scribe({ root, base: made.zxid });
    try {
      const seen = await play(this.stage(root, made.zxid), program, scribe);
      return [...seen, await this.audit(root, scribe)];
    } finally {
      await this.clear(root);
      await this.clear(`/zookeeper/quota${root}`);
    }
  }

  private stage(root: string, base: bigint): Stage {
    const { release, addressOf, patienceMs = PATIENCE_MS } = this.ground;
    return {
      root,
      base,
      addressOf: addressOf ?? (() => this.address),
      silentCheck: release === '3.8.0',
      patienceMs,
      lastZxid: async () => (await this.admin.call('ping', {}, Xid.PING)).zxid,
      until: (isSo) => this.until(isSo),
      settled: () => this.until(async () => !(await this.isDue(root))),
    };
  }

  private async until(isSo: () => Promise<boolean>): Promise<void> {
    const { passes = PASSES, pass = () => pause(PASS_MS) } = this.ground;
    for (let i = 0; i < passes && !(await isSo()); i++) await pass();
  }

  /** Has the server anything to delete by itself? */
  private async isDue(root: string): Promise<boolean> {
    const { containers = [], ttls = [] } = this.ground.mortals ?? {};
    const names = [...containers, ...ttls];
    const replies = await this.all(
      'exists',
      names.map((name) => ({ path: `${root}/${name}`, watch: false })),
    );
    return replies.some(({ errno, body }, i) => {
      const stat = errno === 0 ? decodeResponse('exists', body).stat : null;
      return stat?.numChildren === 0 && (i >= containers.length || stat.cversion > 0);
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
      const address = (client: number | null): Address => ({
        ...ground.addressOf?.(client),
        port: server.port,
      });
      const target = await StandingTarget.start(
        name,
        server,
        { pass, passes: MOST_STEPS, ...ground, addressOf: address },
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
