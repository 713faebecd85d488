import type * as dns from 'node:dns';
import { lookup, type LookupAddress } from 'node:dns';
import {
  createServer,
  getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout,
  Socket,
  type AddressInfo,
  type Server,
} from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tcpDialer, type Transport } from '../../../src/net/transport.js';
import { catchingUncaught, settle } from '../../support/scripted-server.js';

vi.mock('node:dns', async (original) => {
  const real = await original<typeof dns>();
  return { ...real, lookup: vi.fn(real.lookup) };
});

/** A real server; what it hears and does is up to the test. */
class Loopback {
  readonly sockets: Socket[] = [];
  private readonly server: Server;
  private waiting: ((socket: Socket) => void)[] = [];

  constructor(options: { allowHalfOpen?: boolean; pauseOnConnect?: boolean } = {}) {
    this.server = createServer(options, (socket) => {
      socket.on('error', () => undefined);
      this.sockets.push(socket);
      this.waiting.shift()?.(socket);
    });
  }

  async start(host = '127.0.0.1', port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(port, host, resolve));
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  nextSocket(): Promise<Socket> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Everything that a transport reported, as words, with a way to wait for it. */
class Dialed {
  readonly heard: string[] = [];
  readonly received: Buffer[] = [];
  closeError: Error | undefined;
  readonly transport: Transport;
  /** Was anything reported before the dialer returned? */
  readonly early: number;
  private wakes: (() => void)[] = [];

  constructor(host: string, port: number) {
    const say = (word: string): void => {
      this.heard.push(word);
      for (const wake of this.wakes.splice(0)) wake();
    };
    this.transport = tcpDialer(
      { host, port },
      {
        onConnect: () => say('connect'),
        onData: (chunk) => {
          this.received.push(chunk);
          say('data');
        },
        onDrain: () => say('drain'),
        onEnd: () => say('end'),
        onClose: (error) => {
          this.closeError = error;
          say('close');
        },
      },
    );
    this.early = this.heard.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.wakes.push(resolve));
  }

  untilHeard(word: string): Promise<void> {
    return this.until(() => this.heard.includes(word));
  }
}

let server: Loopback;
const dialed: Dialed[] = [];

function dial(host = '127.0.0.1', port = server.port): Dialed {
  const one = new Dialed(host, port);
  dialed.push(one);
  return one;
}

async function connected(): Promise<{ here: Dialed; there: Socket }> {
  const there = server.nextSocket();
  const here = dial();
  await here.untilHeard('connect');
  return { here, there: await there };
}

beforeEach(async () => {
  server = await new Loopback().start();
});

afterEach(async () => {
  for (const { transport } of dialed.splice(0)) transport.destroy();
  await server.stop();
  vi.mocked(lookup).mockClear();
});

describe('tcpDialer', () => {
  it('reports nothing before it has returned', async () => {
    const here = dial();
    expect(here.early).toBe(0);
    expect(here.heard).toEqual([]);
    await here.untilHeard('connect');
    expect(here.heard).toEqual(['connect']);
  });

  it('carries bytes both ways', async () => {
    const { here, there } = await connected();
    const got = new Promise<Buffer>((resolve) => there.once('data', resolve));
    expect(here.transport.write(Buffer.from('ping'))).toBe(true);
    expect((await got).toString()).toBe('ping');
    there.write('pong');
    await here.until(() => here.bytes.length === 4);
    expect(here.bytes.toString()).toBe('pong');
  });

  it('says when to stop and when to go on', async () => {
    const { here, there } = await connected();
    there.pause();
    const chunk = Buffer.alloc(1 << 20, 1);
    let written = 0;
    let more = true;
    while (more) {
      more = here.transport.write(chunk);
      written += chunk.length;
      if (written > 64 << 20) throw new Error('it never said no');
    }
    expect(here.heard).not.toContain('drain');
    let read = 0;
    there.on('data', (bytes: Buffer) => (read += bytes.length));
    there.resume();
    await here.untilHeard('drain');
    expect(read).toBeGreaterThan(0);
  });

  it('takes small writes without saying no', async () => {
    const { here, there } = await connected();
    there.pause();
    expect(here.transport.write(Buffer.alloc(64 * 1024))).toBe(true);
  });

  it('delivers what came before the end, then the end, then the close, once each', async () => {
    const { here, there } = await connected();
    there.end(Buffer.from('last words'));
    await here.untilHeard('close');
    await settle();
    expect(here.bytes.toString()).toBe('last words');
    expect(here.heard.filter((word) => word !== 'data')).toEqual(['connect', 'end', 'close']);
    expect(here.heard.lastIndexOf('data')).toBeLessThan(here.heard.indexOf('end'));
    expect(here.closeError).toBeUndefined();
  });

  it('closes once after destroy, however often that is called, and reports nothing behind it', async () => {
    const { here, there } = await connected();
    const gone = new Promise((resolve) => there.once('close', resolve));
    there.write('too late');
    here.transport.destroy();
    here.transport.destroy();
    expect(here.heard).toEqual(['connect']);
    await here.untilHeard('close');
    await gone;
    here.transport.destroy();
    await settle();
    expect(here.heard).toEqual(['connect', 'close']);
    expect(here.closeError).toBeUndefined();
  });

  it('closes once when it is destroyed before it is connected', async () => {
    const here = dial();
    here.transport.destroy();
    await here.untilHeard('close');
    await settle();
    expect(here.heard).toEqual(['close']);
  });

  it('closes once when it is destroyed while the name is looked up', async () => {
    const here = dial('localhost');
    here.transport.destroy();
    await here.untilHeard('close');
    await settle();
    expect(here.heard).toEqual(['close']);
  });

  it('closes with the error if nobody listens there', async () => {
    const { port } = server;
    await server.stop();
    const here = dial('127.0.0.1', port);
    await here.untilHeard('close');
    expect(here.heard).toEqual(['close']);
    expect(here.closeError).toMatchObject({ code: 'ECONNREFUSED' });
    server = await new Loopback().start();
  });

  it('closes with the error if there is no such name', async () => {
    vi.mocked(lookup).mockImplementationOnce(((_name: string, _options: object, callback: LookupCallback) => {
      setImmediate(() =>
        callback(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []),
      );
    }) as unknown as typeof lookup);
    const here = dial('nowhere.invalid');
    await here.untilHeard('close');
    expect(here.heard).toEqual(['close']);
    expect(here.closeError).toMatchObject({ code: 'ENOTFOUND' });
  });

  it('closes with the error if the server resets', async () => {
    const { here, there } = await connected();
    there.resetAndDestroy();
    await here.untilHeard('close');
    expect(here.heard).toEqual(['connect', 'close']);
    expect(here.closeError).toMatchObject({ code: 'ECONNRESET' });
  });

  it('does not let an error behind destroy become an uncaught exception', async () => {
    const caught = await catchingUncaught(async () => {
      const { here, there } = await connected();
      here.transport.write(Buffer.alloc(8 << 20));
      there.resetAndDestroy();
      here.transport.destroy();
      expect(() => here.transport.write(Buffer.from('x'))).not.toThrow();
      await here.untilHeard('close');
      await settle();
      expect(here.heard.filter((word) => word === 'close')).toHaveLength(1);
    });
    expect(caught).toEqual([]);
  });

  it('throws, and reports nothing, for a port that cannot be', async () => {
    const heard: string[] = [];
    const say = (word: string) => (): void => void heard.push(word);
    expect(() =>
      tcpDialer(
        { host: '127.0.0.1', port: 70_000 },
        {
          onConnect: say('connect'),
          onData: say('data'),
          onDrain: say('drain'),
          onEnd: say('end'),
          onClose: say('close'),
        },
      ),
    ).toThrow(RangeError);
    await settle();
    expect(heard).toEqual([]);
  });
});

type LookupCallback = (error: Error | null, addresses: LookupAddress[]) => void;

describe('a name', () => {
  // an address that is given up is not tried again: a machine that is busy for a while must not be taken for a dead server
  const attemptMs = getDefaultAutoSelectFamilyAttemptTimeout();
  beforeEach(() => setDefaultAutoSelectFamilyAttemptTimeout(10_000));
  afterEach(() => setDefaultAutoSelectFamilyAttemptTimeout(attemptMs));

  const resolvesTo = (...addresses: string[]): void => {
    vi.mocked(lookup).mockImplementation(((_name: string, _options: object, callback: LookupCallback) => {
      setImmediate(() =>
        callback(
          null,
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      );
    }) as unknown as typeof lookup);
  };

  afterEach(async () => {
    const { lookup: real } = await vi.importActual<typeof dns>('node:dns');
    vi.mocked(lookup).mockImplementation(real);
  });

  it('localhost reaches a server that listens on 127.0.0.1 alone [G6]', async () => {
    const here = dial('localhost');
    await here.untilHeard('connect');
  });

  it('reaches a server on its IPv4 address when it has an IPv6 address where nobody is', async () => {
    resolvesTo('::1', '127.0.0.1');
    for (let i = 0; i < 4; i++) {
      const here = dial('both.example');
      await here.untilHeard('connect');
      expect(here.heard).toEqual(['connect']);
    }
  });

  it('is looked up anew each time [G1]', async () => {
    resolvesTo('127.0.0.1');
    await dial('moves.example').untilHeard('connect');
    await dial('moves.example').untilHeard('connect');
    expect(vi.mocked(lookup)).toHaveBeenCalledTimes(2);
  });

  it('stands for all of its addresses: a dead one does not hide a living one', async () => {
    resolvesTo('127.0.0.2', '127.0.0.3', '127.0.0.1');
    for (let i = 0; i < 6; i++) await dial('many.example').untilHeard('connect');
  });

  it('has its addresses tried in another order each time', async () => {
    const others = [await new Loopback().start('127.0.0.2', server.port), server];
    resolvesTo('127.0.0.1', '127.0.0.2');
    for (let i = 0; i < 64 && others.some(({ sockets }) => sockets.length === 0); i++) {
      const here = dial('many.example');
      await here.untilHeard('connect');
      // the server's side may hear of it a turn later
      await settle();
    }
    expect(others.every(({ sockets }) => sockets.length > 0)).toBe(true);
    await others[0]?.stop();
  });

  it.each([
    [250, 500],
    [5000, 5000],
  ])('whose addresses would have %i ms each by Node gives them %i ms', async (byNode, ms) => {
    setDefaultAutoSelectFamilyAttemptTimeout(byNode);
    const connects = vi.spyOn(Socket.prototype, 'connect');
    resolvesTo('127.0.0.1', '127.0.0.1');
    await dial('far.example').untilHeard('connect');
    const [given] = connects.mock.calls[0]!;
    connects.mockRestore();
    expect(given).toMatchObject({ autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ms });
  });

  it('that leads nowhere says why', async () => {
    const { port } = server;
    await server.stop();
    resolvesTo('127.0.0.1', '127.0.0.2');
    const here = dial('dead.example', port);
    await here.untilHeard('close');
    expect(here.closeError).toMatchObject({ code: 'ECONNREFUSED' });
    // Node's AggregateError has an empty message; it must not become "dead.example:2181: "
    expect(here.closeError?.message).toMatch(/ECONNREFUSED/);
    server = await new Loopback().start();
  });
});
