/**
 * A server that is broken or means harm: every prefix and every flipped bit of one message of each kind, and frames made at
 * random. Nothing is thrown, nothing is lost sight of, no secret is told, and the session goes on.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { replyFrame } from '../support/core-world.js';
import { heapBytes } from '../support/heap.js';
import { SEED } from '../support/property.js';
import { SCALE, checked, injected, requested } from '../support/tally.js';
import { GOLDEN, HANDSHAKES, type Golden } from './hostile/golden.js';
import { Noise } from './hostile/noise.js';
import { CANARY, Harm, Victim, type End } from './hostile/victim.js';

const ends: Record<End, number> = { 'went on': 0, 'was given up': 0, refused: 0 };
const kinds = new Map<string, number>();

afterAll(() => {
  const total = [...kinds.values()].reduce((sum, n) => sum + n, 0);
  const table = JSON.stringify(Object.fromEntries(kinds));
  process.stdout.write(`${total} hostile frames: ${table}; the connection ${JSON.stringify(ends)}\n`);
});

/** @param frames how many hostile frames that is */
function play(kind: string, frames: number, what: string, attack: () => Victim): End {
  let victim: Victim | null = null;
  let end: End;
  try {
    victim = attack();
    end = victim.settle();
  } catch (error) {
    if (error instanceof Harm) {
      checked(error.isLeak ? 'secret leaks' : 'promises hanging', 1);
      throw new Harm(`${what}: ${error.message}`, { cause: error.cause });
    }
    throw error;
  }
  const total = (kinds.get(kind) ?? 0) + frames;
  // all that can be seen of one in a hundred
  if (Math.floor(total / 100) !== Math.floor((total - frames) / 100)) {
    const leaks = victim.shown().includes(CANARY);
    checked('secret leaks', leaks ? 1 : 0);
    expect(leaks, `${what}: it tells a secret`).toBe(false);
  }
  checked('promises hanging', 0);
  requested(4);
  injected(`hostile frame: ${kind}`, frames);
  kinds.set(kind, total);
  ends[end]++;
  return end;
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const spoilt = Buffer.from(bytes);
  spoilt[bit >> 3] = (spoilt[bit >> 3] as number) ^ (1 << (bit & 7));
  return spoilt;
}

/** The same, with a length that tells the truth. */
function cutShort(bytes: Buffer, length: number): Buffer {
  const short = Buffer.from(bytes.subarray(0, length));
  short.writeInt32BE(length - 4);
  return short;
}

describe.each(GOLDEN.map((golden): [string, Golden] => [golden.name, golden]))('%s', (name, golden) => {
  const { bytes } = golden;
  const sent = (message: Buffer): Victim => {
    const victim = new Victim().live(golden);
    victim.hear(message);
    victim.answerRest();
    return victim;
  };

  it('is understood as it is', () => {
    const victim = sent(bytes);
    const end = victim.settle();
    if (name === 'auth refused') expect(end).toBe('refused');
    else if (golden.request === null || name === 'error Unimplemented')
      expect(['went on', 'was given up']).toContain(end);
    else if (name !== 'error SessionClosedRequireSaslAuth') expect(end).toBe('went on');
  });

  it('may break off after every byte, by an end of the stream and by the next message', () => {
    for (let length = 0; length < bytes.length; length++) {
      play('prefix', 1, `${name}, ${length} bytes and silence`, () => {
        const victim = new Victim().live(golden);
        victim.hear(bytes.subarray(0, length));
        return victim;
      });
      if (length >= 4)
        play('cut short', 1, `${name} of ${length} bytes`, () => sent(cutShort(bytes, length)));
    }
  });

  it('may have any bit flipped', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      play('flipped bit', 1, `${name}, bit ${bit}`, () => sent(flipped(bytes, bit)));
    }
  });

  it('may have more behind it, and be cut into any chunks', () => {
    const longer = Buffer.concat([bytes, Buffer.from('more')]);
    longer.writeInt32BE(longer.length - 4);
    play('trailing bytes', 1, `${name} and more`, () => sent(longer));
    play('drip', 1, `${name} byte by byte`, () => {
      const victim = new Victim().live(golden);
      for (const byte of bytes) victim.hear(Buffer.from([byte]));
      victim.answerRest();
      return victim;
    });
    play('doubled', 1, `${name} twice`, () => sent(Buffer.concat([bytes, bytes])));
  });
});

describe.each(HANDSHAKES.map((golden): [string, Golden] => [golden.name, golden]))(
  'a handshake answered with %s',
  (name, { bytes }) => {
    it.each([false, true])(
      'may break off after every byte, and have any bit flipped; resumes: %s',
      (resumes) => {
        const answered = (answer: Buffer) => (): Victim => {
          const victim = new Victim().greeted(resumes);
          victim.hear(answer);
          return victim;
        };
        for (let length = 0; length < bytes.length; length++) {
          play('prefix of a handshake', 1, `${name}, ${length} bytes`, answered(bytes.subarray(0, length)));
          if (length >= 4)
            play('handshake cut short', 1, `${name} of ${length} bytes`, answered(cutShort(bytes, length)));
        }
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          play('flipped bit of a handshake', 1, `${name}, bit ${bit}`, answered(flipped(bytes, bit)));
        }
      },
    );
  },
);

describe('frames that are made at random', () => {
  it(
    'end in a connection that goes on, or in another one, and leave no memory behind',
    { timeout: 600_000 },
    async () => {
      const noise = new Noise(SEED);
      const runs = Math.round(8000 * SCALE);
      const before = await heapBytes();
      for (let i = 0; i < runs; i++) {
        const burst = noise.burst();
        play(burst.kind, burst.frames, `ZK_SEED=${SEED}, burst ${i}, ${burst.kind}`, () => {
          const victim = burst.handshake
            ? new Victim().greeted(noise.coin())
            : new Victim().live(noise.golden());
          for (const chunk of noise.chunks(burst.bytes)) victim.hear(chunk);
          if (noise.coin()) victim.hear(replyFrame(3));
          return victim;
        });
      }
      const grown = (await heapBytes()) - before;
      expect(grown, 'bytes that are left').toBeLessThan(16 << 20);
    },
  );
});
