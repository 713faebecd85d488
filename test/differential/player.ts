/** Plays one program on one server and writes down all that comes back, on each connection in its order. */
import { Xid } from '../../src/protocol/constants.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { operations, type OpName } from '../../src/protocol/operations.js';
import type { AnyOp } from '../../src/protocol/op.js';
import type { ConnectRequest, ConnectResponse } from '../../src/protocol/records.js';
import {
  RawClient,
  decodeReply,
  decodeResponse,
  fourLetterWord,
  type Address,
} from '../support/raw-client.js';
import {
  CLIENTS,
  framed,
  frameOf,
  oddBody,
  type Call,
  type Command,
  type Place,
  type Program,
} from './program.js';
import { isMasked, type Scribe } from './transcript.js';

/** Where a program is played. */
export interface Stage extends Place {
  readonly address: Address;
  /** A good `check` by itself is not answered (3.8). */
  readonly silentCheck: boolean;
  /** A server that says nothing for so long has hung up in all but name. */
  readonly patienceMs: number;
}

/** What each client saw, in lines, and what was left at the end. */
export type Transcript = readonly (readonly string[])[];

const TIMEOUT_MS = 40_000;
/** For a server that has hung up in all but name to end a session. */
const FAREWELL_MS = 5_000;
const WRONG_PASSWORD = Buffer.alloc(16, 9);

/** After these a server may hang up, which shows only if something more is asked. */
const RISKY: ReadonlySet<OpName> = new Set<OpName>(['sasl', 'auth', 'check']);
const FAREWELLS: ReadonlySet<number> = new Set([Errno.Unimplemented, Errno.AuthFailed]);

/** One client of a program; its connection may be replaced. */
class Player {
  readonly lines: string[] = [];
  wire: RawClient | null = null;
  private session: ConnectResponse | null = null;
  /** The last one that was closed. */
  private ghost: ConnectResponse | null = null;
  private xid = 0;

  constructor(
    private readonly stage: Stage,
    private readonly scribe: Scribe,
    private readonly opened: (wire: RawClient) => void,
  ) {}

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
    const wire = await RawClient.connect(this.stage.address);
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
    const wire = await RawClient.connect(this.stage.address);
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
    this.send({ op: 'getEphemerals', q: { prefixPath: '/' } });
    const owned = await this.receive(operations.getEphemerals);
    const from = this.lines.length;
    this.send({ op: 'closeSession', q: {} });
    await this.receive(operations.closeSession);
    await this.wire?.hungUp();
    this.wire = null;
    this.ghost = this.session;
    this.session = null;
    const count = owned === null ? 0 : ephemeralsIn(owned);
    if (count > 1) this.sortEvents(from);
    return count;
  }

  /** Ends the session on a connection of its own, silently: left behind, it would expire in the middle of another program. */
  async abandon(): Promise<void> {
    if (this.session === null) return;
    const wire = await RawClient.connect(this.stage.address);
    const limit = setTimeout(() => wire.destroy(), FAREWELL_MS);
    const response = await wire.handshake({ timeOut: TIMEOUT_MS, ...this.own(this.session.passwd) });
    if (response !== null && response.timeOut > 0) {
      wire.send('closeSession', {});
      await wire.reply();
    }
    clearTimeout(limit);
    wire.destroy();
  }

  /** What happens to several nodes at the end of a session happens in no order. */
  sortEvents(from: number): void {
    const [events, others] = [[] as string[], [] as string[]];
    for (const line of this.lines.splice(from)) (line.startsWith('event') ? events : others).push(line);
    this.lines.push(...events.sort(), ...others);
  }

  private own(passwd: Uint8Array | null): Partial<ConnectRequest> {
    return { sessionId: this.session?.sessionId ?? 0n, passwd };
  }
}

function ephemeralsIn(frame: Buffer): number {
  const { errno, body } = decodeReply(frame);
  return errno === 0 ? decodeResponse('getEphemerals', body).ephemerals.length : 0;
}

/** Plays it; all sessions are closed at the end. */
export async function play(stage: Stage, program: Program, scribe: Scribe): Promise<Transcript> {
  const wires: RawClient[] = [];
  const time = { isUp: false };
  const players = Array.from(
    { length: CLIENTS },
    () =>
      new Player(stage, scribe, (wire) => {
        wires.push(wire);
        if (time.isUp) wire.destroy();
      }),
  );
  const limit = setTimeout(() => {
    time.isUp = true;
    for (const wire of wires) wire.destroy();
  }, stage.patienceMs);
  try {
    for (const [i, command] of program.entries()) {
      if (time.isUp) break;
      await run(players, command, i, stage, scribe);
    }
    for (const player of players) {
      // a session that is left behind would expire in the middle of another program
      if (!time.isUp && player.hasSession) await player.ready();
      if (!time.isUp && player.isConnected()) await close(players, player, program.length);
    }
  } finally {
    clearTimeout(limit);
    for (const wire of wires) wire.destroy();
    if (time.isUp) await Promise.all(players.map((player) => player.abandon()));
  }
  if (time.isUp) players[0]?.note('no answer');
  return players.map(({ lines }) => lines);
}

async function run(
  players: readonly Player[],
  command: Command,
  i: number,
  stage: Stage,
  scribe: Scribe,
): Promise<void> {
  if (command.do === 'together') {
    for (const player of players) await player.ready();
    for (const player of players) for (const call of command.calls) player.send(call);
    for (const player of players) {
      player.note(`#${i}`);
      for (const each of command.calls) await player.receive(operations[each.op], isMasked(each));
    }
    return;
  }
  const player = players[command.by] as Player;
  await player.ready();
  player.note(`#${i}`);
  switch (command.do) {
    case 'call':
      if (command.op === 'check' && stage.silentCheck)
        await player.unsure(() => player.send(command), operations.check);
      else await player.call(command);
      return;
    case 'burst': {
      const rows = command.calls.map((call) => player.send(call));
      for (const [at, row] of rows.entries()) {
        if ((await player.receive(row, isMasked(command.calls[at] as Call))) === null) return;
      }
      return;
    }
    case 'odd':
      player.sendOdd(command.type, command.body);
      await player.receiveLast(null);
      return;
    case 'auth':
      await player.call({ op: 'auth', q: { type: 0, scheme: command.scheme, auth: command.auth } });
      return;
    case 'attach':
      await player.attach(command.cut, passwordFor(command.passwd, player.passwd));
      return;
    case 'close':
      await close(players, player, i);
      return;
    case 'ghost':
      await player.haunt();
      return;
    case 'word':
      player.note(scribe.word(await fourLetterWord(stage.address, command.word)));
      return;
    case 'raw':
      player.wire?.sendBytes(Buffer.from(command.bytes, 'hex'));
      await player.receive(null);
      return;
    case 'hello':
      await close(players, player, i);
      await player.greet({
        timeOut: command.timeOut,
        passwd: command.passwd < 0 ? null : Buffer.alloc(command.passwd),
        lastZxidSeen: stage.base + BigInt(command.seen),
      });
      return;
  }
}

function passwordFor(kind: 'right' | 'wrong' | 'none', right: Uint8Array | null): Uint8Array | null {
  if (kind === 'right') return right;
  return kind === 'wrong' ? WRONG_PASSWORD : null;
}

/** Ends a session; what others hear of it stands between two marks. */
async function close(players: readonly Player[], player: Player, i: number): Promise<void> {
  const others = players.filter((each) => each !== player && each.wire !== null);
  for (const other of others) await other.ping();
  const marks = others.map((other) => other.lines.length);
  player.note(`#${i} close`);
  const count = await player.close();
  for (const [at, other] of others.entries()) {
    await other.ping();
    if (count > 1) other.sortEvents(marks[at] as number);
  }
}
