/** Plays one program on one server and writes down all that comes back, on each connection in its order. */
import { operations } from '../../src/protocol/operations.js';
import { fourLetterWord, type RawClient } from '../support/raw-client.js';
import { Player } from './client.js';
import { CLIENTS, type Call, type Command, type Program } from './program.js';
import type { Stage } from './stage.js';
import { isMasked, type Scribe } from './transcript.js';

/** What each client saw, in lines, and what was left at the end. */
export type Transcript = readonly (readonly string[])[];

/** Timeouts of sessions that expire one after the other: the first of them is less than any server grants. */
const SHORTEST_MS = 1;
const APART_MS = 120;
const WRONG_PASSWORD = Buffer.alloc(16, 9);

/** Plays it; all sessions are closed at the end. */
export async function play(stage: Stage, program: Program, scribe: Scribe): Promise<Transcript> {
  const wires: RawClient[] = [];
  const time = { isUp: false };
  const players = Array.from(
    { length: CLIENTS },
    (_, number) =>
      new Player(stage, number, scribe, (wire) => {
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
      await stage.settled();
    }
    for (const player of players) {
      // a session that is left behind would expire in the middle of another program
      if (!time.isUp && player.hasSession) await player.ready();
      if (!time.isUp && player.isConnected()) await player.comply();
      if (!time.isUp && player.isConnected()) await close(players, player, program.length, stage);
    }
  } finally {
    clearTimeout(limit);
    for (const wire of wires) wire.destroy();
    // one after the other: each takes a zxid
    if (time.isUp || stage.admission !== undefined) for (const player of players) await player.abandon();
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
  if (command.do === 'expire') {
    await expire(players, command.who, i, stage);
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
      // over TLS events and the answer to this come from different threads
      if (stage.addressOf(command.by).tls !== undefined) await player.ping();
      await player.call({ op: 'auth', q: { type: 0, scheme: command.scheme, auth: command.auth } });
      return;
    case 'sasl':
      await player.sasl(command.token);
      return;
    case 'attach':
      await player.attach(command.cut, passwordFor(command.passwd, player.passwd));
      return;
    case 'close':
      await close(players, player, i, stage);
      return;
    case 'ghost':
      await player.haunt();
      return;
    case 'word':
      player.note(scribe.word(await fourLetterWord(stage.addressOf(command.by), command.word)));
      return;
    case 'raw':
      player.wire?.sendBytes(Buffer.from(command.bytes, 'hex'));
      await player.receive(null);
      return;
    case 'hello':
      await close(players, player, i, stage);
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
async function close(players: readonly Player[], player: Player, i: number, stage: Stage): Promise<void> {
  const others = players.filter((each) => each !== player && each.wire !== null);
  for (const other of others) await other.ping();
  const marks = others.map((other) => other.lines.length);
  player.note(`#${i} close`);
  const count = await player.close();
  await stage.settled();
  for (const [at, other] of others.entries()) {
    await other.ping();
    if (count > 1) other.sortEvents(marks[at] as number);
  }
}

/** Lets sessions expire; what others hear of it stands behind a mark. */
async function expire(
  players: readonly Player[],
  who: readonly { readonly by: number; readonly cut: boolean }[],
  i: number,
  stage: Stage,
): Promise<void> {
  const silent = who.map(({ by, cut }) => ({ player: players[by] as Player, cut }));
  const others = players.filter(
    (each) => each.wire !== null && silent.every(({ player }) => player !== each),
  );
  let owned = 0;
  for (const { player } of silent) {
    await player.ready();
    player.note(`#${i} expires`);
    owned = Math.max(owned, await player.countEphemerals());
  }
  for (const other of others) {
    await other.ping();
    other.note(`#${i} expiry`);
  }
  const marks = others.map((other) => other.lines.length);
  const before = await stage.useZxid();
  for (const [at, { player, cut }] of silent.entries()) {
    await player.fallSilent(SHORTEST_MS + at * APART_MS, cut);
  }
  const after = before + BigInt(silent.length);
  await stage.until(async () => (await stage.lastZxid()) >= after);
  await stage.settled();
  for (const { player, cut } of silent) await player.expired(cut);
  for (const [at, other] of others.entries()) {
    await other.ping();
    if (owned > 1) other.sortEvents(marks[at] as number);
  }
}
