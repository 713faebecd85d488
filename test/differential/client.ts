/** One client of a program, without a client's cleverness: what it is told to send, and what comes back, line by line. */
import { Xid } from '../../src/protocol/constants.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { operations, type OpName } from '../../src/protocol/operations.js';
import type { AnyOp } from '../../src/protocol/op.js';
import type { ConnectRequest, ConnectResponse } from '../../src/protocol/records.js';
import { RawClient, decodeReply, decodeResponse, type Address } from '../support/raw-client.js';
import { framed, frameOf, oddBody, type Call } from './program.js';
import { becomeBob, SaslClient, type SaslToken } from './sasl.js';
import type { Stage } from './stage.js';
import { isMasked, type Scribe } from './transcript.js';

const TIMEOUT_MS = 40_000;
/** For a server that has hung up in all but name to end a session. */
const FAREWELL_MS = 5_000;

/** After these a server may hang up, which shows only if something more is asked. */
const RISKY: ReadonlySet<OpName> = new Set<OpName>(['sasl', 'auth', 'check']);
const FAREWELLS: ReadonlySet<number> = new Set([
  Errno.Unimplemented,
  Errno.AuthFailed,
  Errno.SessionClosedRequireSaslAuth,
]);

/** One client of a program; its connection may be replaced. */
export class Player {
  readonly lines: string[] = [];
  wire: RawClient | null = null;
  private session: ConnectResponse | null = null;
  /** The last one that was closed. */
  private ghost: ConnectResponse | null = null;
  private xid = 0;
  /** SASL goes on where a connection is. */
  private saslOn: RawClient | null = null;
  private exchange = new SaslClient();

  constructor(
    private readonly stage: Stage,
    private readonly number: number,
    private readonly scribe: Scribe,
    private readonly opened: (wire: RawClient) => void,
  ) {}

  private get address(): Address {
    return this.stage.addressOf(this.number);
  }

  isConnected(): boolean {
    return this.wire !== null;
  }

  note(line: string): void {
    this.lines.push(line);
  }

  /** A connection with a session: the one there is, else a new one to the session, else a new session. */
  async ready(): Promise<void> {
    if (this.wire !== null) return;
    if (this.session !== null) await this.greet(this.own(this.session.passwd));
    if (!this.isConnected()) await this.greet({});
  }

  async greet(request: Partial<ConnectRequest>): Promise<void> {
    const wire = await RawClient.connect(this.address);
    this.opened(wire);
    const response = await wire.handshake({ timeOut: TIMEOUT_MS, ...request });
    this.note(this.scribe.greeting(response));
    if (response !== null && response.timeOut > 0) {
      this.wire = wire;
      this.session = response;
      return;
    }
    await wire.hungUp();
    this.note('hung up');
    // a wrong password costs the connection, and not the session
    if (request.passwd === this.session?.passwd) this.session = null;
  }

  send(call: Call): AnyOp {
    this.wire?.sendFrame(frameOf(call, ++this.xid, this.stage));
    return operations[call.op];
  }

  sendOdd(type: number, body: string): void {
    this.wire?.sendFrame(framed(++this.xid, type, [oddBody(body, this.stage)]));
  }

  /** Writes down the next reply, and the events before it. @returns false if the server has hung up */
  async receive(row: AnyOp | null, masked = false): Promise<Buffer | null> {
    for (;;) {
      const frame = (await this.wire?.frame()) ?? null;
      if (frame !== null && decodeReply(frame).xid === Xid.NOTIFICATION) {
        this.note(this.scribe.event(frame));
        continue;
      }
      this.note(this.scribe.reply(row, frame, masked));
      if (frame === null) this.wire = null;
      return frame;
    }
  }

  async call(call: Call): Promise<void> {
    const row = this.send(call);
    if (RISKY.has(call.op)) return this.receiveLast(row);
    await this.receive(row, isMasked(call));
    if (call.cut !== undefined) await this.ping();
  }

  /** The reply to what the server may hang up on; if it does not say that it will, it must be there still. */
  async receiveLast(row: AnyOp | null): Promise<void> {
    const frame = await this.receive(row);
    if (frame === null) return;
    if (FAREWELLS.has(decodeReply(frame).errno)) await this.receive(null);
    else await this.ping();
  }

  /** One step of SASL. */
  async sasl(kind: SaslToken): Promise<void> {
    if (this.saslOn !== this.wire) this.exchange = new SaslClient();
    this.saslOn = this.wire;
    this.send({ op: 'sasl', q: { token: this.exchange.token(kind)?.toString('latin1') ?? null } });
    const frame = await this.receive(operations.sasl, true);
    if (frame === null) return;
    const { errno, body } = decodeReply(frame);
    const token = body.length === 0 ? null : decodeResponse('sasl', body).token;
    const shown = this.exchange.shown(token);
    this.note(shown);
    if (FAREWELLS.has(errno)) await this.receive(null);
    // whoever has to prove something first may ask for nothing before
    else if (!shown.startsWith('a challenge')) await this.ping();
  }

  /** Gives what the server demands before anything else. */
  async comply(): Promise<void> {
    const { admission } = this.stage;
    if (admission === 'digest')
      await this.call({ op: 'auth', q: { type: 0, scheme: 'digest', auth: 'u:p' } });
    if (admission === 'sasl') for (const kind of ['empty', 'bob'] as const) await this.sasl(kind);
  }

  /** Everything that the server has had to tell is written down when this is done. */
  async ping(): Promise<void> {
    if (this.wire === null) return;
    this.wire.sendFrame(framed(Xid.PING, operations.ping.code, []));
    await this.receive(operations.ping);
  }

  /** A request that is answered, or not: the ping behind it is. */
  async unsure(send: () => void, row: AnyOp | null): Promise<void> {
    send();
    this.wire?.sendFrame(framed(Xid.PING, operations.ping.code, []));
    for (;;) {
      const frame = await this.receive(row);
      if (frame === null || decodeReply(frame).xid === Xid.PING) return;
    }
  }

  async attach(cut: boolean, passwd: Uint8Array | null): Promise<void> {
    await this.ready();
    await this.ping();
    const before = this.wire;
    this.wire = null;
    if (cut) before?.destroy();
    if (this.session !== null) await this.greet(this.own(passwd));
    // whoever attaches ends the connection before
    if (!cut) await before?.hungUp();
  }

  get hasSession(): boolean {
    return this.session !== null;
  }

  /** The greeting for who wants to attach to a session that is over. */
  async haunt(): Promise<void> {
    const { ghost } = this;
    if (ghost === null) return;
    const wire = await RawClient.connect(this.address);
    this.opened(wire);
    const { sessionId, passwd } = ghost;
    const response = await wire.handshake({ timeOut: TIMEOUT_MS, sessionId, passwd });
    this.note(this.scribe.greeting(response));
    if (response === null || response.timeOut <= 0) await wire.hungUp();
  }

  get passwd(): Uint8Array | null {
    return this.session?.passwd ?? null;
  }

  /** @returns the ephemeral nodes that were the session's */
  async close(): Promise<number> {
    const count = await this.countEphemerals();
    const from = this.lines.length;
    this.send({ op: 'closeSession', q: {} });
    const closed = await this.receive(operations.closeSession);
    await this.wire?.hungUp();
    this.wire = null;
    if (closed === null || decodeReply(closed).errno !== 0) return 0;
    this.ghost = this.session;
    this.session = null;
    if (count > 1) this.sortEvents(from);
    return count;
  }

  /** How many ephemeral nodes it has. */
  async countEphemerals(): Promise<number> {
    this.send({ op: 'getEphemerals', q: { prefixPath: '/' } });
    const owned = await this.receive(operations.getEphemerals);
    return owned === null ? 0 : ephemeralsIn(owned);
  }

  /** From now on nothing is heard of it, and its session lasts no longer than that. */
  async fallSilent(timeOut: number, cut: boolean): Promise<void> {
    const before = this.wire;
    this.wire = null;
    await this.greet({ ...this.own(this.passwd), timeOut });
    await before?.hungUp();
    if (cut) (this.wire as RawClient | null)?.destroy();
  }

  /** The server has ended its session. */
  async expired(cut: boolean): Promise<void> {
    if (!cut) await this.receive(null);
    this.wire = null;
    this.ghost = this.session;
  }

  /** Ends the session on a connection of its own, silently: left behind, it would expire in the middle of another program. */
  async abandon(): Promise<void> {
    if (this.session === null) return;
    const wire = await RawClient.connect(this.address);
    const limit = setTimeout(() => wire.destroy(), FAREWELL_MS);
    const response = await wire.handshake({ timeOut: TIMEOUT_MS, ...this.own(this.session.passwd) });
    if (response !== null && response.timeOut > 0) {
      if (this.stage.admission === 'sasl') await becomeBob(wire);
      if (this.stage.admission === 'digest')
        await wire.call('auth', { type: 0, scheme: 'digest', auth: Buffer.from('u:p') });
      wire.send('closeSession', {});
      await wire.reply();
    }
    clearTimeout(limit);
    wire.destroy();
  }

  /** What happens to several nodes at the end of a session happens in no order; what has another zxid has one. */
  sortEvents(from: number): void {
    let run: string[] = [];
    for (const line of [...this.lines.splice(from), END]) {
      if (zxidOf(line) !== zxidOf(run[0] ?? line)) {
        this.lines.push(...run.sort());
        run = [];
      }
      run.push(line);
    }
  }

  private own(passwd: Uint8Array | null): Partial<ConnectRequest> {
    return { sessionId: this.session?.sessionId ?? 0n, passwd };
  }
}

const END = 'reply';

/** Of an event; replies stand between events. */
const zxidOf = (line: string): string => (line.startsWith('event') ? (line.split(' at ')[1] ?? '') : line);

function ephemeralsIn(frame: Buffer): number {
  const { errno, body } = decodeReply(frame);
  return errno === 0 ? decodeResponse('getEphemerals', body).ephemerals.length : 0;
}
