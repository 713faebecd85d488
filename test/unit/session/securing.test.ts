import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/protocol/error-codes.js';
import { AuthFailedError, ConnectTimeoutError, LinkError, SaslError } from '../../../src/protocol/errors.js';
import { CoreWorld, errorOf } from '../../support/core-world.js';

const A = Buffer.from('a');
const token = (bytes: Uint8Array | null) => ({
  body: (w: { buffer(value: Uint8Array | null): void }): void => w.buffer(bytes),
  zxid: 0n,
});

/** A core that has a session and is to be authenticated. */
function securing(config = {}): CoreWorld {
  const world = new CoreWorld(config);
  world.sasl = true;
  world.core.open(world.now);
  world.core.dialed(world.epoch);
  world.accept(0xabcn);
  return world;
}

/** What the mechanism says. */
function say(world: CoreWorld, bytes: Uint8Array | null, done = false, epoch = world.epoch): void {
  world.core.securing.token(epoch, bytes, done, world.now);
}

/** Through the whole exchange of DIGEST-MD5. */
function secure(world: CoreWorld): void {
  say(world, Buffer.alloc(0));
  world.reply(lastXid(world), token(A));
  say(world, A);
  world.reply(lastXid(world), token(A));
  say(world, null, true);
}

function lastXid(world: CoreWorld): number {
  return world.requests().at(-1)?.xid ?? 0;
}

const names = (world: CoreWorld): string[] => world.requests().map(({ op }) => op.name);

describe('a connection with SASL', () => {
  it('sends nothing but the exchange before it is over; then credentials, watches, requests [H5]', () => {
    const world = securing();
    const settled: string[] = [];
    const waiter = { resolve: () => settled.push('auth'), reject: () => settled.push('no auth') };
    world.core.addAuth('digest', Buffer.from('u:p'), waiter, world.now);
    world.get('/a');
    world.flush();
    expect(names(world)).toEqual([]);
    expect(world.saslAsked).toEqual([{ epoch: 1, challenge: null }]);
    expect(world.core.phase.name).toBe('securing');

    say(world, Buffer.alloc(0));
    expect(world.requests().map(({ op, request }) => [op.name, request])).toEqual([
      ['sasl', { token: Buffer.alloc(0) }],
    ]);
    world.reply(lastXid(world), token(A));
    expect(world.saslAsked.at(-1)).toEqual({ epoch: 1, challenge: A });
    say(world, Buffer.from('b'));
    world.reply(lastXid(world), token(Buffer.from('c')));
    expect(world.states).toEqual(['Connecting']);
    expect(world.sessions).toEqual([]);
    expect(names(world)).toEqual(['sasl', 'sasl']);

    say(world, null, true);
    expect(world.core.phase.name).toBe('live');
    expect(world.states).toEqual(['Connecting', 'SyncConnected']);
    expect(world.sessions).toEqual(['new']);
    expect(names(world)).toEqual(['sasl', 'sasl', 'auth', 'getData']);
    const xids = world.requests().map(({ xid }) => xid);
    // the getData was encoded first, and has the first number; replies are told apart by it all the same
    expect(new Set(xids).size).toBe(4);
    world.replyData(lastXid(world));
    expect(world.settled).toHaveLength(1);
  });

  it('does not send what waits when the socket has drained', () => {
    const world = securing();
    world.get('/a');
    world.writable = false;
    say(world, A);
    world.writable = true;
    world.core.drained(world.epoch, world.now);
    expect(names(world)).toEqual(['sasl']);
    world.reply(lastXid(world), token(A));
    say(world, null, true);
    expect(names(world)).toEqual(['sasl', 'getData']);
  });

  it('waits for the consent of the server if the mechanism has the last word', () => {
    for (const last of [null, Buffer.alloc(0), A]) {
      const world = securing();
      say(world, A, true);
      expect(world.core.phase.name).toBe('securing');
      world.reply(lastXid(world), token(last));
      expect(world.core.phase.name).toBe('live');
      expect(world.saslAsked).toHaveLength(1);
    }
  });

  it.each([
    ['AuthFailed', Errno.AuthFailed],
    ['SessionClosedRequireSaslAuth', Errno.SessionClosedRequireSaslAuth],
    ['an unknown code', -4711],
  ])('that the server refuses with %s is the end, without another attempt', (_name, err) => {
    const world = securing();
    const fate = world.get('/a');
    say(world, A);
    world.reply(lastXid(world), { err, ...token(null) });
    expect(world.core.phase.name).toBe('authFailed');
    expect(world.states).toEqual(['Connecting', 'AuthFailed']);
    expect(errorOf(fate)).toBeInstanceOf(AuthFailedError);
    expect(errorOf(fate).outcome).toBe('not-sent');
    expect(world.dials).toHaveLength(1);
    world.advance(1e6);
    expect(world.dials).toHaveLength(1);
    expect(world.core.nextDeadline()).toBe(Infinity);
    expect(world.events.filter(({ type }) => type === 'end')).toHaveLength(1);
  });

  it('to a server that knows no SASL is the end', () => {
    const world = securing();
    say(world, A);
    world.reply(lastXid(world), token(null));
    const { phase } = world.core;
    expect(phase).toMatchObject({ name: 'authFailed', cause: { name: 'AuthFailedError' } });
    expect(phase.name === 'authFailed' && phase.cause.message).toContain('does not authenticate by SASL');
  });

  it('whose token is too long for any server is the end', () => {
    const world = securing({ maxRequestBytes: 64 });
    say(world, Buffer.alloc(100));
    expect(world.core.phase.name).toBe('authFailed');
    expect(names(world)).toEqual([]);
  });

  it('is given up when the mechanism fails, and the next server is tried', () => {
    const world = securing();
    world.core.securing.failed(world.epoch, new SaslError('boom'), world.now);
    expect(world.core.phase.name).toBe('dialing');
    expect(world.events.at(-1)).toMatchObject({ type: 'attemptFailed', error: { code: 'ZK_SASL' } });
    expect(world.states).toEqual(['Connecting']);
    expect(world.hungUp).toEqual([1]);
  });

  it('is over for good when the mechanism says that authentication failed', () => {
    const world = securing();
    world.core.securing.failed(world.epoch, new AuthFailedError({ outcome: 'rejected' }), world.now);
    expect(world.core.phase.name).toBe('authFailed');
  });

  it('has one budget for everything from the dialing on', () => {
    const world = new CoreWorld();
    world.sasl = true;
    world.core.open(world.now);
    const deadline = world.core.nextDeadline();
    world.advance(1000);
    world.core.dialed(world.epoch);
    world.advance(1000);
    world.accept(1n);
    expect(world.core.nextDeadline()).toBe(deadline);
    world.advance(deadline - world.now - 1);
    expect(world.core.phase.name).toBe('securing');
    world.advance(1);
    expect(world.core.phase.name).toBe('dialing');
    const failed = world.events.at(-1);
    expect(failed).toMatchObject({ type: 'attemptFailed' });
    expect(failed?.type === 'attemptFailed' && failed.error).toBeInstanceOf(ConnectTimeoutError);
    expect(failed?.type === 'attemptFailed' && failed.error.message).toContain('SASL');
  });

  it('drops what the mechanism says of an older connection, or too late', () => {
    const world = securing();
    say(world, A);
    world.core.ended(world.epoch, new LinkError('s', new Error('cut')), world.now);
    say(world, A, false, 1);
    world.core.securing.failed(1, new AuthFailedError({ outcome: 'rejected' }), world.now);
    expect(world.core.phase.name).toBe('dialing');
    world.goLive();
    secure(world);
    expect(world.core.phase.name).toBe('live');
    say(world, A);
    world.core.securing.failed(world.epoch, new SaslError('late'), world.now);
    expect(world.core.phase.name).toBe('live');
    expect(names(world)).toEqual(['sasl', 'sasl']);
  });

  it('that is cut in the exchange keeps the session, of which it is told when it can be used', () => {
    const world = securing();
    say(world, A);
    world.core.ended(world.epoch, new LinkError('s', new Error('cut')), world.now);
    world.goLive(0xabcn);
    expect(world.connectRequest().sessionId).toBe(0xabcn);
    secure(world);
    expect(world.sessions).toEqual(['new']);
    expect(world.core.sessionEpoch).toBe(1);
    world.core.ended(world.epoch, new LinkError('s', new Error('cut')), world.now);
    world.goLive(0xabcn);
    expect(world.core.phase.name).toBe('securing');
    secure(world);
    expect(world.sessions).toEqual(['new', 'resumed']);
  });

  it('can be closed at any time', () => {
    const world = securing();
    say(world, A);
    world.core.close(world.now);
    expect(world.core.phase.name).toBe('closed');
    expect(world.hungUp).toEqual([1]);
    say(world, A);
    expect(names(world)).toEqual(['sasl']);
  });

  it('expires by our own clock as any other', () => {
    const world = securing({ connectTimeoutMs: 1e6 });
    say(world, A);
    world.advance(12_000);
    expect(world.core.sessionId).toBe(0n);
    expect(world.core.phase.name).toBe('dialing');
  });
});

describe('a server that demands authentication', () => {
  const DEMAND = { err: Errno.SessionClosedRequireSaslAuth, zxid: 0n };

  it('refuses the first request: it fails with that, the rest and the Conn with AuthFailed', () => {
    const world = new CoreWorld();
    const first = world.get('/a');
    const second = world.get('/b');
    world.goLive();
    world.flush();
    world.reply(1, DEMAND);
    expect(errorOf(first).name).toBe('SessionClosedRequireSaslAuthError');
    expect(errorOf(second).name).toBe('AuthFailedError');
    expect(world.core.phase.name).toBe('authFailed');
    expect(world.dials).toHaveLength(1);
  });

  it('refuses a ping', () => {
    const world = new CoreWorld();
    world.goLive();
    world.advance(5000);
    world.reply(-2, DEMAND);
    expect(world.core.phase.name).toBe('authFailed');
    expect(world.states.at(-1)).toBe('AuthFailed');
  });

  it('refuses the end of the session', () => {
    const world = new CoreWorld();
    world.goLive();
    world.core.close(world.now);
    world.reply(1, DEMAND);
    expect(world.core.phase.name).toBe('closed');
  });

  it('is told from one that refuses a credential', () => {
    const world = new CoreWorld();
    world.goLive();
    const failures: string[] = [];
    const waiter = { resolve: () => undefined, reject: (error: Error) => failures.push(error.name) };
    world.core.addAuth('digest', A, waiter, world.now);
    world.reply(-4, DEMAND);
    expect(failures).toEqual(['AuthFailedError']);
    expect(world.core.phase.name).toBe('authFailed');
  });
});
