/** What a contract case has to work with: one server, a node of its own on it, and clients that are closed afterwards. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { connect, type Conn, type ConnOptions, type WatchEvent } from '../../src/index.js';
import { parseConnectString, type ServerAddress } from '../../src/net/connect-string.js';
import { MultiError, ZkError } from '../../src/protocol/errors.js';
import type { ConnectRequest } from '../../src/protocol/records.js';
import { CuttableDialer } from '../support/cuttable-dialer.js';
import { RawClient } from '../support/raw-client.js';
import { versionFacts, type VersionFacts } from './versions.js';

/** How to come by the server. */
export interface TargetSource {
  /** For example `3.9.3`; known before it is started. */
  readonly version: string;
  start(): Promise<{ readonly connectString: string; stop(): Promise<void> }>;
}

/** Credentials of the superuser on every target. */
export const SUPER = { scheme: 'digest', auth: 'super:test' } as const;

/** A busy server may take its time, and what is of a session stays if nobody confirms its end. */
const CLOSE_LIMIT_MS = 20_000;

/** A Conn with the dialer that can cut it. */
export interface Cuttable {
  readonly conn: Conn;
  readonly link: CuttableDialer;
}

export class ContractTarget {
  readonly version: string;
  readonly facts: VersionFacts;
  /** A superuser's Conn that stays open for the whole file; reads go through {@link onlooker}. */
  admin!: Conn;
  /** A node that exists, is empty, belongs to this case alone and is deleted after it. */
  root = '';
  /** `host:port,host:port` */
  connectString = '';

  private stop: () => Promise<void> = () => Promise.resolve();
  private readonly conns = new Set<Conn>();
  private readonly raws = new Set<RawClient>();
  private readonly surprises: string[] = [];

  constructor(private readonly source: TargetSource) {
    this.version = source.version;
    this.facts = versionFacts(source.version);
  }

  /** Registers the hooks in the suite that is being described. */
  useHere(): void {
    beforeAll(async () => {
      const { connectString, stop } = await this.source.start();
      this.connectString = connectString;
      this.stop = stop;
      this.admin = await connect(connectString, { auth: [SUPER], closeTimeoutMs: CLOSE_LIMIT_MS });
    });
    beforeEach(async () => {
      this.root = `/contract-${randomBytes(6).toString('hex')}`;
      await this.admin.create(this.root);
    });
    afterEach(() => this.cleanUp());
    afterAll(async () => {
      await this.admin.close();
      await this.stop();
    });
  }

  /** The first server, for bare sockets. */
  get address(): ServerAddress {
    return parseConnectString(this.connectString).servers[0]!;
  }

  /** A path below {@link root}: `at('/a')`. */
  at(path: string): string {
    return this.root + path;
  }

  /** Connects; closed after the case, which fails if the connection was lost in it. */
  async connect(options: ConnOptions = {}, chroot = ''): Promise<Conn> {
    const conn = await this.open(options, chroot);
    conn.on('connection', (state) => {
      if (state === 'SUSPENDED') this.surprises.push('a connection was lost that nobody had cut');
    });
    return conn;
  }

  /** Connects through a dialer that can cut. */
  async cuttable(options: ConnOptions = {}, chroot = ''): Promise<Cuttable> {
    const link = new CuttableDialer();
    return { conn: await this.open({ ...options, dialer: link.dial }, chroot), link };
  }

  /** Connects with an identity of the scheme `digest`. */
  as(userPassword: string): Promise<Conn> {
    return this.connect({ auth: [{ scheme: 'digest', auth: userPassword }] });
  }

  /** The superuser's Conn, which has seen all that was acknowledged to anybody. */
  async onlooker(): Promise<Conn> {
    await this.admin.sync('/');
    return this.admin;
  }

  /** A bare socket with a session. */
  async raw(request: Partial<ConnectRequest> = {}): Promise<RawClient> {
    const client = await RawClient.open(this.address, request);
    this.raws.add(client);
    // on an ensemble, this server may not know the case's own node yet
    await client.call('sync', { path: '/' });
    return client;
  }

  /** A bare socket without one. */
  async socket(): Promise<RawClient> {
    const client = await RawClient.connect(this.address);
    this.raws.add(client);
    return client;
  }

  /** A bare socket that takes over the session of another. */
  async reattach(other: RawClient): Promise<RawClient> {
    const client = await RawClient.reattach(this.address, other);
    this.raws.add(client);
    return client;
  }

  private async open(options: ConnOptions, chroot: string): Promise<Conn> {
    const given = { closeTimeoutMs: CLOSE_LIMIT_MS, ...options };
    const conn = await connect(this.connectString + chroot, given);
    this.conns.add(conn);
    // on an ensemble, this server may not know the case's own node yet
    await conn.sync('/');
    return conn;
  }

  private async cleanUp(): Promise<void> {
    const [conns, raws] = [[...this.conns], [...this.raws]];
    // what cannot be closed must not fail the next case as well
    this.conns.clear();
    this.raws.clear();
    await Promise.all(conns.map((conn) => conn.close()));
    await Promise.all(raws.map(endSession));
    await this.admin.deleteRecursive(this.root);
    expect(this.surprises.splice(0)).toEqual([]);
  }
}

/** A real server was seen to forget a connection, its session too, and to leave the socket open (3.8.0, under load). */
const HANG_UP_LIMIT_MS = 5_000;

async function endSession(client: RawClient): Promise<void> {
  if ((client.session?.timeOut ?? 0) > 0) {
    client.send('closeSession', {});
    const limit = setTimeout(() => client.destroy(), HANG_UP_LIMIT_MS);
    await client.hungUp();
    clearTimeout(limit);
  }
  client.destroy();
}

/** What a promise was rejected with; a ZkError, or the case fails. */
export async function failure(promise: Promise<unknown>): Promise<ZkError> {
  try {
    await promise;
  } catch (error) {
    if (ZkError.is(error)) return error;
    throw error;
  }
  throw new Error('it was not rejected');
}

/** The {@link failure} of a multi. */
export async function multiFailure(promise: Promise<unknown>): Promise<MultiError> {
  const error = await failure(promise);
  if (error instanceof MultiError) return error;
  throw error;
}

/** Waits until all that a server has to tell a Conn about the past has arrived. */
export async function settled(conn: Conn): Promise<void> {
  await conn.sync('/');
}

/** Writes down every watch event of a Conn as `type path`. */
export function recordWatches(conn: Conn): string[] {
  const seen: string[] = [];
  conn.on('watch', ({ type, path }: WatchEvent) => seen.push(`${type} ${path}`));
  return seen;
}

/** The next event of that name. */
export function nextConnection(conn: Conn, wanted: string): Promise<void> {
  return new Promise((resolve) => {
    const listener = (state: string): void => {
      if (state !== wanted) return;
      conn.off('connection', listener);
      resolve();
    };
    conn.on('connection', listener);
  });
}
