/** The servers on which programs are played. */
import { digestId } from '../../src/protocol/acls.js';
import { operations, type OpName, type RequestOf } from '../../src/protocol/operations.js';
import type { MiniServer } from '../../src/testing/mini-server.js';
import type { MiniServerOptions } from '../../src/testing/options.js';
import { OPEN_ACL_UNSAFE } from '../../src/protocol/acls.js';
import { RawClient, decodeResponse, type Address, type RawReply } from '../support/raw-client.js';
import type { Release } from '../support/zookeeper-jars.js';
import { play, type Transcript } from './player.js';
import type { Program } from './program.js';
import { Scribe } from './transcript.js';

export interface Target {
  readonly name: string;
  play(program: Program): Promise<Transcript>;
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

let programs = 0;

/** One server for all programs. Each has a node of its own, which is made before and deleted after it. */
export class StandingTarget implements Target {
  private constructor(
    readonly name: string,
    private readonly address: Address,
    private readonly release: Release,
    private readonly patienceMs: number,
    private readonly admin: RawClient,
    readonly stop: () => Promise<void>,
  ) {}

  /**
   * @param release what it is, or is to be like
   * @param patienceMs how long a program may take
   */
  static async start(
    name: string,
    address: Address,
    release: Release,
    stop: () => Promise<void>,
    patienceMs = 20_000,
  ): Promise<StandingTarget> {
    const admin = await RawClient.open(address, { timeOut: 60_000 });
    await admin.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('super:test') });
    return new StandingTarget(name, address, release, patienceMs, admin, async () => {
      admin.destroy();
      await stop();
    });
  }

  async play(program: Program): Promise<Transcript> {
    const root = `/d-${String(programs++).padStart(6, '0')}`;
    const made = await this.admin.call('create', { path: root, data: null, acl: OPEN_ACL_UNSAFE, flags: 0 });
    if (made.errno !== 0) throw new Error(`${this.name}: cannot create ${root}: ${made.errno}`);
    const scribe = new Scribe({ root, base: made.zxid });
    try {
      const { address, patienceMs } = this;
      const silentCheck = this.release === '3.8.0';
      const stage = { address, root, base: made.zxid, silentCheck, patienceMs };
      const seen = await play(stage, program, scribe);
      return [...seen, await this.audit(root, scribe)];
    } finally {
      await this.clear(root);
      await this.clear(`/zookeeper/quota${root}`);
    }
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
  release: Release,
  options: MiniServerOptions = {},
  patienceMs?: number,
): Target {
  return {
    name,
    play: async (program) => {
      const server = await start({ ...MINI_OPTIONS, emulate: EMULATED[release], ...options });
      const target = await StandingTarget.start(name, server, release, () => server.close(), patienceMs);
      try {
        return await target.play(program);
      } finally {
        await target.stop();
      }
    },
    stop: () => Promise.resolve(),
  };
}
