import { describe, expect, it } from 'vitest';
import { SaslClient, type SaslConversation, type SaslMechanism } from '../../../src/net/sasl.js';
import { AuthFailedError, SaslError, type ZkError } from '../../../src/protocol/errors.js';
import { settle } from '../../support/scripted-server.js';

const TARGET = { host: 'h', port: 1 };
const A = Buffer.from('a');

/** A client whose mechanism begins with `conversation`, and what it said. */
function clientOf(conversation: unknown): { client: SaslClient; said: unknown[][]; errors: ZkError[] } {
  const said: unknown[][] = [];
  const errors: ZkError[] = [];
  const start = (typeof conversation === 'function' ? conversation : () => conversation) as () => never;
  const client = new SaslClient(
    { name: 'X', start },
    {
      token: (...args) => said.push(args),
      failed: (epoch, error) => {
        said.push([epoch, error.name]);
        errors.push(error);
      },
    },
  );
  return { client, said, errors };
}

const talk = (parts: Partial<SaslConversation> = {}): SaslConversation => ({
  initialToken: A,
  complete: false,
  respond: () => null,
  ...parts,
});

describe('a SASL client', () => {
  it('is used if there is a mechanism', () => {
    const { client } = clientOf(talk());
    expect(client.isUsed).toBe(true);
    client.use(null);
    expect(client.isUsed).toBe(false);
    client.start(1, TARGET);
  });

  it('never answers within the call', async () => {
    const { client, said } = clientOf(talk());
    client.start(1, TARGET);
    expect(said).toEqual([]);
    await settle();
    expect(said).toEqual([[1, A, false]]);
  });

  it.each<[string, (token: Uint8Array) => ReturnType<SaslConversation['respond']>]>([
    ['at once', (token) => token],
    ['later', (token) => Promise.resolve(token)],
  ])('passes tokens on that are given %s', async (_when, give) => {
    const heard: unknown[] = [];
    const conversation = {
      ...talk(),
      respond: (challenge: Uint8Array) => {
        heard.push(challenge);
        conversation.complete = true;
        return give(Buffer.from('b'));
      },
    };
    const { client, said } = clientOf(() => Promise.resolve(conversation));
    client.start(7, TARGET);
    await settle();
    client.step(7, Buffer.from('c'));
    await settle();
    expect(heard).toEqual([Buffer.from('c')]);
    expect(said).toEqual([
      [7, A, false],
      [7, Buffer.from('b'), true],
    ]);
  });

  it('is told where to go', async () => {
    const targets: unknown[] = [];
    const start: SaslMechanism['start'] = (target) => {
      targets.push(target);
      return talk();
    };
    const { client } = clientOf(start);
    client.start(1, TARGET);
    await settle();
    expect(targets).toEqual([TARGET]);
  });

  it.each<[string, unknown]>([
    ['start throws', () => thrown()],
    ['start rejects', () => Promise.reject(new Error('boom'))],
    ['start gives nothing', undefined],
    ['start gives something else', { initialToken: A }],
    ['the first token is none', talk({ initialToken: 'a' as never })],
    ['there is nothing to say at first', talk({ initialToken: null as never })],
    ['respond throws', talk({ respond: () => thrown() })],
    ['respond rejects', talk({ respond: () => Promise.reject(new Error('boom')) })],
    ['respond rejects with no error', talk({ respond: () => reject('boom') })],
    ['respond gives no token', talk({ respond: () => 1 as never })],
    ['respond gives nothing and is not complete', talk()],
  ])('says so when %s', async (_what, conversation) => {
    const { client, said, errors } = clientOf(conversation);
    client.start(1, TARGET);
    await settle();
    client.step(1, A);
    await settle();
    expect(said.at(-1)).toEqual([1, 'SaslError']);
    expect(errors[0]?.message).toMatch(/^sasl: X: /);
    expect(errors[0]?.cause).toBeDefined();
    expect(errors[0]?.retryable).toBe(true);
  });

  it.each([new AuthFailedError({ outcome: 'rejected' }), new SaslError('own')])(
    'hands %s on as it is',
    async (error) => {
      const { client, errors } = clientOf(talk({ respond: () => Promise.reject(error) }));
      client.start(1, TARGET);
      await settle();
      client.step(1, A);
      await settle();
      expect(errors).toEqual([error]);
    },
  );

  it('drops what comes for a connection that is gone, and disposes of its conversation once', async () => {
    let disposed = 0;
    const { client, said } = clientOf(talk({ respond: () => A, dispose: () => disposed++ }));
    client.start(1, TARGET);
    client.end(1); // while the conversation is made
    await settle();
    expect([disposed, said]).toEqual([1, []]);

    client.start(2, TARGET);
    await settle();
    client.step(2, A);
    client.end(1); // an older one
    expect(disposed).toBe(1);
    client.end(2);
    client.end(2);
    client.step(2, A);
    await settle();
    expect(disposed).toBe(2);
    expect(said).toEqual([[2, A, false]]);
  });

  it('begins with the new mechanism on the next connection', async () => {
    const { client, said } = clientOf(talk());
    client.use({ name: 'Y', start: () => talk({ initialToken: Buffer.from('y') }) });
    client.start(1, TARGET);
    await settle();
    expect(said).toEqual([[1, Buffer.from('y'), false]]);
  });

  it('throws what dispose throws where it is seen, and not at the connection', async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error.message));
    try {
      const { client } = clientOf(talk({ dispose: () => thrown() }));
      client.start(1, TARGET);
      await settle();
      client.end(1);
      await settle();
      expect(uncaught).toEqual(['boom']);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });
});

function thrown(): never {
  throw new Error('boom');
}

function reject(reason: unknown): Promise<never> {
  return Promise.reject(reason);
}
