/**
 * Hostile answers where few are looked for: to the last request of a session, to the watches that are armed again, in a SASL
 * exchange, and before the connection is up. Every prefix and every flipped bit of the right answer, and noise.
 */
import { describe, expect, it } from 'vitest';
import { ConnectionLossError, ZkError } from '../../src/protocol/errors.js';
import { CoreWorld, RecordingWatcher, replyFrame } from '../support/core-world.js';
import { SEED } from '../support/property.js';
import { SCALE, checked, injected } from '../support/tally.js';
import { HANDSHAKES } from './hostile/golden.js';
import { Noise } from './hostile/noise.js';

interface Scene {
  readonly w: CoreWorld;
  /** The right answer to what was asked last. */
  readonly answer: Buffer;
}

const asked = (w: CoreWorld): number => w.requests().at(-1)?.xid ?? 0;

function watching(w: CoreWorld): RecordingWatcher {
  w.goLive();
  const watcher = new RecordingWatcher();
  w.get('/watched', watcher);
  w.flush();
  w.replyData(1);
  return watcher;
}

const SCENES: readonly (readonly [string, () => Scene])[] = [
  [
    'the last request of a session',
    () => {
      const w = new CoreWorld();
      watching(w);
      w.get('/under-way');
      w.core.close(w.now);
      w.replyData(2);
      return { w, answer: replyFrame(asked(w)) };
    },
  ],
  [
    'watches that are armed again',
    () => {
      const w = new CoreWorld();
      watching(w);
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
      w.get('/queued');
      w.goLive();
      return { w, answer: replyFrame(w.requests()[0]?.xid ?? 0) };
    },
  ],
  [
    'a SASL exchange',
    () => {
      const w = new CoreWorld();
      w.sasl = true;
      w.get('/queued');
      w.goLive();
      w.core.securing.token(w.epoch, Buffer.alloc(0), false, w.now);
      return {
        w,
        answer: replyFrame(asked(w), { body: (writer) => writer.buffer(Buffer.from('challenge')) }),
      };
    },
  ],
  [
    'a connection that is not up yet',
    () => {
      const w = new CoreWorld();
      watching(w);
      w.core.ended(w.epoch, new ConnectionLossError({ outcome: 'unknown' }), w.now);
      return { w, answer: HANDSHAKES[0]!.bytes };
    },
  ],
];

/** Feeds it, lets it come to rest, ends it, and looks at the books. */
function attack(scene: () => Scene, what: string, spoil: (answer: Buffer) => Iterable<Buffer>): void {
  const { w, answer } = scene();
  const { epoch } = w;
  for (const chunk of spoil(answer)) w.receive(chunk, epoch);
  w.sasl = false;
  for (let i = 0; i < 10 && Number.isFinite(w.core.nextDeadline()); i++) {
    const { phase } = w.core;
    if (phase.name === 'live' && phase.epoch !== epoch) break;
    if (phase.name === 'dialing' && phase.epoch !== epoch) w.goLive();
    else w.advance(Math.max(0, w.core.nextDeadline() - w.now));
  }
  const { name } = w.core.phase;
  if (!['live', 'closed', 'authFailed'].includes(name)) throw new Error(`${what}: it stays ${name}`);
  w.core.close(w.now);
  w.advance(10_000);
  const problems: string[] = [];
  if (w.core.phase.name !== 'closed') problems.push(`ends as ${w.core.phase.name}`);
  const open = w.core.load.pending;
  checked('promises hanging', open);
  if (open > 0) problems.push(`${open} requests hang`);
  if (w.core.watches.size > 0) problems.push('watches are left');
  for (const event of w.events) {
    const error =
      event.type === 'attemptFailed' ? event.error : event.type === 'state' ? event.cause : undefined;
    if (error !== undefined && (!ZkError.is(error) || error.code === 'ZK_INTERNAL'))
      problems.push(`a bug of ours: ${String(error.cause)}`);
  }
  if (problems.length > 0) throw new Error(`${what}: ${problems.join()}`);
}

describe.each(SCENES)('a hostile answer to %s', (name, scene) => {
  it('may break off after every byte', () => {
    const { length } = scene().answer;
    for (let at = 0; at < length; at++) {
      attack(scene, `${at} bytes`, (answer) => [answer.subarray(0, at)]);
      if (at >= 4)
        attack(scene, `a message of ${at} bytes`, (answer) => {
          const short = Buffer.from(answer.subarray(0, at));
          short.writeInt32BE(at - 4);
          return [short];
        });
    }
    injected('hostile frame: prefix', 2 * length - 4);
  });

  it('may have any bit flipped', () => {
    const bits = scene().answer.length * 8;
    for (let bit = 0; bit < bits; bit++) {
      attack(scene, `bit ${bit}`, (answer) => {
        const spoilt = Buffer.from(answer);
        spoilt[bit >> 3] = (spoilt[bit >> 3] as number) ^ (1 << (bit & 7));
        return [spoilt];
      });
    }
    injected('hostile frame: flipped bit', bits);
  });

  it('may be noise', () => {
    const noise = new Noise(SEED);
    for (let i = 0; i < Math.round(500 * SCALE); i++) {
      const burst = noise.burst();
      attack(scene, `ZK_SEED=${SEED}, ${name}, burst ${i}: ${burst.kind}`, () => noise.chunks(burst.bytes));
      injected(`hostile frame: ${burst.kind}`, burst.frames);
    }
  });

  it('is understood if there is nothing wrong with it', () => {
    const { w, answer } = scene();
    w.receive(answer);
    if (name === 'the last request of a session')
      expect(w.core.phase).toEqual({ name: 'closed', confirmed: true });
    else if (name === 'a SASL exchange') expect(w.saslAsked).toHaveLength(2);
    else if (name === 'watches that are armed again') expect(w.core.phase.name).toBe('live');
    else expect(w.events.at(-1)).toMatchObject({ error: { code: 'ZK_HANDSHAKE' } });
  });
});
