import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askServer, fourLetterWord, probeMode, serverVersion } from '../../../src/net/probe.js';
import { tcpDialer, type Dialer } from '../../../src/net/transport.js';
import {
  CommandRefusedError,
  DecodeError,
  InvalidArgumentError,
  InvalidConnectStringError,
  InvalidOptionError,
  LinkError,
  RequestTimeoutError,
} from '../../../src/protocol/errors.js';
import { FOUR_LETTER_WORDS } from '../../../src/protocol/words.js';
import { MiniServer } from '../../../src/testing.js';
import { ManualClock, settle } from '../../support/scripted-server.js';

/** A server that does with each socket what the test says. */
class Peer {
  readonly heard: Buffer[] = [];
  readonly sockets: Socket[] = [];
  private readonly server: Server;

  constructor(private readonly play: (socket: Socket) => void) {
    this.server = createServer((socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        this.heard.push(chunk);
        this.play(socket);
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: (this.server.address() as AddressInfo).port };
  }

  /** Resolves when no client is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const peer = (play: (socket: Socket) => void): Promise<Peer> => new Peer(play).start();

describe('a mini-server', () => {
  let server: MiniServer;
  beforeEach(async () => {
    server = await MiniServer.start();
  });
  afterEach(() => server.close());

  const UNANSWERED = ['crst', 'srst', 'stmk', 'wchc', 'wchp'];
  it.each(FOUR_LETTER_WORDS.filter((word) => !UNANSWERED.includes(word)))('understands %s', async (word) => {
    await askServer(server.connectString, word, { timeoutMs: 60_000 });
  });

  it('gives the text as it is, too', async () => {
    expect(await fourLetterWord(server.connectString, 'ruok')).toBe('imok');
    expect(await fourLetterWord({ host: server.host, port: server.port }, 'srvr')).toMatch(
      /^Zookeeper version/,
    );
  });

  it('tells its version', async () => {
    expect(await serverVersion(server.connectString)).toMatchObject({ major: 3, minor: 9, patch: 3 });
  });

  it('shows what is connected', async () => {
    const { clients } = await askServer(server.connectString, 'stat');
    expect(clients).toHaveLength(1);
  });

  it('has only what is in its whitelist', async () => {
    await using strict = await MiniServer.start({ fourLetterWords: ['srvr'] });
    await askServer(strict.connectString, 'srvr');
    for (const ask of [fourLetterWord, askServer]) {
      const refused = ask(strict.connectString, 'mntr');
      await expect(refused).rejects.toBeInstanceOf(CommandRefusedError);
      await expect(refused).rejects.toMatchObject({
        op: 'mntr',
        outcome: 'rejected',
        code: 'ZK_COMMAND_REFUSED',
      });
    }
  });

  it('has no connection left behind', async () => {
    await Promise.all(
      ['ruok', 'srvr', 'mntr'].map((word) => askServer(server.connectString, word as 'ruok')),
    );
    expect(server.connectionCount).toBe(0);
  });
});

describe('a question', () => {
  it('is the word and nothing else', async () => {
    await using there = await peer((socket) => socket.end('imok'));
    expect(await askServer(there.address, 'ruok')).toBe(true);
    expect(Buffer.concat(there.heard).toString()).toBe('ruok');
  });

  it('to set the trace mask has the mask behind it', async () => {
    await using there = await peer((socket) => socket.end('274'));
    expect(await askServer(there.address, 'stmk', { traceMask: 274n })).toBe(274n);
    expect(Buffer.concat(there.heard).toString('hex')).toBe(
      `${Buffer.from('stmk').toString('hex')}0000000000000112`,
    );
  });

  it('is over in time, and takes its socket with it', async () => {
    await using there = await peer(() => undefined);
    const error: unknown = await askServer(there.address, 'ruok', { timeoutMs: 20 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RequestTimeoutError);
    expect(error).toMatchObject({ op: 'ruok', outcome: 'unknown' });
  });

  it('is not answered in more bytes than the limit', async () => {
    await using there = await peer((socket) => socket.write(Buffer.alloc(101)));
    const asked = fourLetterWord(there.address, 'wchp', { maxReplyBytes: 100 });
    await expect(asked).rejects.toThrow(DecodeError);
    await using other = await peer((socket) => socket.end(Buffer.alloc(100)));
    expect(await fourLetterWord(other.address, 'wchp', { maxReplyBytes: 100 })).toHaveLength(100);
  });

  it('can be given up', async () => {
    await using there = await peer(() => controller.abort(reason));
    const controller = new AbortController();
    const reason = new Error('enough');
    await expect(askServer(there.address, 'ruok', { signal: controller.signal })).rejects.toBe(reason);
    const { signal } = controller;
    await expect(askServer(there.address, 'ruok', { signal })).rejects.toBe(reason);
    expect(there.sockets).toHaveLength(1);
  });

  it('leaves no listener on a signal that lives on', async () => {
    await using there = await peer((socket) => socket.end('imok'));
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(signal, args);
    };
    await askServer(there.address, 'ruok', { signal });
    expect(listeners).toBe(0);
  });

  it('that nobody hears says so, with the server', async () => {
    const there = await peer(() => undefined);
    const { address } = there;
    await there[Symbol.asyncDispose]();
    const error: unknown = await askServer(address, 'ruok').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LinkError);
    expect((error as Error).message).toContain(`127.0.0.1:${address.port}: `);
  });

  it('that is answered by a reset, or by half an answer, rejects', async () => {
    await using there = await peer((socket) => socket.resetAndDestroy());
    await expect(askServer(there.address, 'ruok')).rejects.toBeInstanceOf(LinkError);
    await using other = await peer((socket) => socket.end('im'));
    await expect(askServer(other.address, 'ruok')).rejects.toBeInstanceOf(DecodeError);
  });

  it.each([
    ['a word that is none', InvalidArgumentError, ['127.0.0.1:1', 'what']],
    ['a server that is none', InvalidConnectStringError, ['a:b', 'ruok']],
    ['two servers', InvalidConnectStringError, ['a:1,b:2', 'ruok']],
    ['no server', InvalidConnectStringError, [null, 'ruok']],
    ['an unknown option', InvalidOptionError, ['a', 'ruok', { timeout: 1 }]],
    ['a negative time', InvalidOptionError, ['a', 'ruok', { timeoutMs: -1 }]],
    ['a limit of nothing', InvalidOptionError, ['a', 'ruok', { maxReplyBytes: 0 }]],
    ['a dialer that is none', InvalidOptionError, ['a', 'ruok', { dialer: {} }]],
    ['a signal that is none', InvalidOptionError, ['a', 'ruok', { signal: {} }]],
    ['stmk without a mask', InvalidOptionError, ['a', 'stmk']],
    ['a mask with another word', InvalidOptionError, ['a', 'ruok', { traceMask: 1n }]],
    ['a mask that is too long', InvalidOptionError, ['a', 'stmk', { traceMask: 1n << 63n }]],
  ])('with %s is refused', async (_what, type, args) => {
    const ask = askServer as (...args: unknown[]) => Promise<unknown>;
    await expect(ask(...args)).rejects.toBeInstanceOf(type);
  });
});

describe('a dialer of the user', () => {
  const server = { host: 'h', port: 1 };

  it('may report before it has returned', async () => {
    const written: string[] = [];
    const eager: Dialer = (_server, events) => {
      events.onConnect();
      return {
        write: (bytes) => {
          written.push(Buffer.from(bytes).toString());
          events.onData(Buffer.from('rw'));
          events.onEnd();
          return true;
        },
        destroy: () => undefined,
      };
    };
    expect(await askServer(server, 'isro', { dialer: eager })).toBe('rw');
    expect(written).toEqual(['isro']);
  });

  it('may give something that cannot be destroyed', async () => {
    const sturdy: Dialer = (_server, events) => {
      queueMicrotask(() => {
        events.onConnect();
        events.onData(Buffer.from('imok'));
        events.onEnd();
      });
      return {
        write: () => true,
        destroy: () => {
          throw new Error('no end');
        },
      };
    };
    expect(await askServer(server, 'ruok', { dialer: sturdy })).toBe(true);
  });

  it('may fail before it has returned, or throw', async () => {
    let destroyed = 0;
    const failing: Dialer = (_server, events) => {
      events.onClose(new Error('no way'));
      return { write: () => true, destroy: () => (destroyed += 1) };
    };
    await expect(askServer(server, 'ruok', { dialer: failing })).rejects.toThrow('h:1: no way');
    expect(destroyed).toBe(1);
    const throwing = (): never => {
      throw new Error('no dialer');
    };
    await expect(askServer(server, 'ruok', { dialer: throwing })).rejects.toBeInstanceOf(LinkError);
  });
});

describe('the mode of a server', () => {
  it.each([
    ['rw', 'rw'],
    ['ro', 'ro'],
    ['null', null],
    ['isro is not executed because it is not in the whitelist.\n', null],
    ['x'.repeat(10_000), null],
    ['', null],
  ])('is read from %j', async (text, mode) => {
    await using there = await peer((socket) => socket.end(text));
    expect(await probeMode(there.address, tcpDialer, 5000)).toBe(mode);
  });

  it('is not known in time', async () => {
    const clock = new ManualClock();
    await using there = await peer(() => undefined);
    const asked = probeMode(there.address, tcpDialer, 700, { clock });
    await settle();
    await clock.advance(699);
    expect(clock.timers).toBe(1);
    await clock.advance(1);
    expect(await asked).toBeNull();
    expect(clock.timers).toBe(0);
  });

  it('is not known when the search is given up', async () => {
    await using there = await peer(() => controller.abort());
    const controller = new AbortController();
    expect(await probeMode(there.address, tcpDialer, 5000, { signal: controller.signal })).toBeNull();
  });
});
