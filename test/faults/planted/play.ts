/** A client under test with servers that the check plays byte by byte, on a clock that the check moves. */
import { strict as assert } from 'node:assert';
import type * as Client from '../../../src/index.js';
import type { JuteWriter } from '../../../src/protocol/jute.js';
import { dataBody, notification, replyFrame, type SeenRequest } from '../../support/core-world.js';
import { ScriptedServer, settle, watchOutcome, type Session } from '../../support/scripted-server.js';
import type { BuiltClient } from './build.js';

export interface Ended {
  readonly current?: { readonly value: unknown } | { readonly error: unknown };
}

export class Play {
  readonly server = new ScriptedServer();
  readonly conn: Client.Conn;
  /** Names and causes of all states. */
  readonly states: string[] = [];
  readonly sessions: string[] = [];
  readonly errors: Client.ZkError[] = [];

  constructor(
    readonly client: BuiltClient,
    options: Client.ConnOptions = {},
    servers = 'a:1,b:1,c:1',
  ) {
    this.conn = new client.Conn(servers, {
      dialer: this.server.dialerOfOne(),
      clock: this.server.clock,
      random: () => 0.999,
      sessionTimeoutMs: 9000,
      requestTimeoutMs: 0,
      backoff: { baseMs: 100, maxMs: 100_000 },
      ...options,
    });
    this.conn.on('state', ({ state, cause }) => {
      this.states.push(state);
      if (cause !== undefined) this.errors.push(cause);
    });
    this.conn.on('session', ({ what }) => void this.sessions.push(what));
    this.conn.on('connectError', ({ error }) => void this.errors.push(error));
  }

  get link(): ScriptedServer['link'] {
    return this.server.link;
  }

  async start(): Promise<this> {
    this.conn.connect({ timeoutMs: 0 }).catch(() => undefined);
    await settle();
    return this;
  }

  async live(session?: Session): Promise<this> {
    await this.start();
    await this.link.welcome(session);
    assert.equal(this.conn.state, 'SyncConnected');
    return this;
  }

  /** What a promise comes to, which never goes unhandled. */
  end(promise: Promise<unknown>): Ended {
    return watchOutcome(promise);
  }

  /** The requests of the calls made by now. */
  async asked(): Promise<SeenRequest[]> {
    await settle();
    return this.link.take();
  }

  /** `name path` of them. */
  async names(): Promise<string[]> {
    return (await this.asked()).map(({ op }) => op.name);
  }

  advance(ms: number): Promise<void> {
    return this.server.clock.advance(ms);
  }

  reply(xid: number, zxid = 5n, body: (w: JuteWriter) => void = dataBody): Promise<void> {
    return this.link.send(replyFrame(xid, { zxid, body }));
  }

  event(type: number, path: string, zxid = 9n): Promise<void> {
    return this.link.send(notification(type, path, zxid));
  }

  async cut(session?: Session): Promise<void> {
    await this.link.fail(new Error('cut'));
    await this.comeBack(session);
  }

  async comeBack(session?: Session): Promise<void> {
    for (let i = 0; i < 5 && (this.link.destroyed || this.link.closed); i++) {
      const { nextIn } = this.server.clock;
      if (Number.isFinite(nextIn)) await this.advance(nextIn);
      await settle();
    }
    await this.link.welcome(session);
  }

  /** Closes it; the server confirms. */
  close(): Promise<void> {
    return this.server.close(this.conn);
  }
}

export function outcomeOf(ended: Ended): string {
  const { current } = ended;
  if (current === undefined) return 'open';
  if ('value' in current) return 'ok';
  const error = current.error as Client.ZkError;
  return `${error.code} ${error.outcome}`;
}

export function valueOf(ended: Ended): unknown {
  assert.ok(ended.current !== undefined && 'value' in ended.current, outcomeOf(ended));
  return ended.current.value;
}
