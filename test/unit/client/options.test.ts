import { describe, expect, it } from 'vitest';
import { Conn } from '../../../src/client/conn.js';
import { OPTION_TABLE, resolveOptions, type ConnOptions } from '../../../src/client/options.js';
import { systemClock } from '../../../src/net/clock.js';
import { tcpDialer } from '../../../src/net/transport.js';
import { InvalidOptionError, UsageError } from '../../../src/protocol/errors.js';

const MAX = 0x7fffffff;

/** What `resolveOptions` makes of one option. */
function resolved(key: string, value: unknown): unknown {
  return resolveOptions({ [key]: value })[key as keyof typeof OPTION_TABLE];
}

function refusal(options: unknown): unknown {
  try {
    resolveOptions(options);
  } catch (error) {
    return error;
  }
  throw new Error('it was accepted');
}

const provider = {
  size: 1,
  next: () => ({ server: { host: 'a', port: 1 }, retryStart: false }),
  connected: () => undefined,
};
const clock = { now: () => 0, setTimer: () => ({ cancel: () => undefined }) };
const dialer = () => ({ write: () => true, destroy: () => undefined });

const mechanism = {
  name: 'X',
  start: () => ({ initialToken: Buffer.alloc(0), complete: true, respond: () => null }),
};

/** Per option: its default, values that are taken (with what becomes of them), and values that are refused. */
const TABLE: Record<
  keyof typeof OPTION_TABLE,
  { byDefault: unknown; good: (readonly [unknown, unknown?])[]; bad: unknown[] }
> = {
  sessionTimeoutMs: { byDefault: 30_000, good: [[1], [MAX]], bad: [0, -1, MAX + 1] },
  slowHandlerMs: { byDefault: 100, good: [[0], [1], [MAX]], bad: [-1, 0.5, MAX + 1, '100'] },
  loopLagMs: { byDefault: null, good: [[0], [1], [MAX]], bad: [-1, 0.5, MAX + 1] },
  connectTimeoutMs: { byDefault: null, good: [[1], [MAX]], bad: [0, MAX + 1] },
  requestTimeoutMs: { byDefault: null, good: [[0], [MAX]], bad: [-1, MAX + 1] },
  closeTimeoutMs: { byDefault: 1000, good: [[0], [MAX]], bad: [-1, MAX + 1] },
  maxRequestBytes: { byDefault: 1_048_575, good: [[64], [MAX]], bad: [63, MAX + 1] },
  maxResponseBytes: { byDefault: 16 * 1024 * 1024, good: [[1024], [MAX]], bad: [1023, MAX + 1] },
  chroot: {
    byDefault: '',
    good: [['/a'], ['/a/b'], ['/', ''], ['']],
    bad: ['a', '/a/', '/a//b', '/./a', '/\0', 42, ['/a']],
  },
  auth: {
    byDefault: [],
    good: [
      [[]],
      [[{ scheme: 'digest', auth: 'u:p' }]],
      [
        [
          { scheme: 'x', auth: Buffer.from('b') },
          { scheme: 'y', auth: '' },
        ],
      ],
    ],
    bad: [
      'digest',
      {},
      [null],
      ['digest'],
      [[]],
      [{ scheme: 'digest' }],
      [{ auth: 'u:p' }],
      [{ scheme: '', auth: 'u:p' }],
      [{ scheme: 1, auth: 'u:p' }],
      [{ scheme: 'digest', auth: 1 }],
      [{ scheme: 'digest', auth: null }],
      [{ scheme: 'digest', auth: 'u:p', id: 1 }],
    ],
  },
  sasl: {
    byDefault: null,
    good: [[mechanism]],
    bad: [
      'DIGEST-MD5',
      {},
      [],
      { name: 'X' },
      { start: () => undefined },
      { name: '', start: () => undefined },
      { name: 'X', start: 1 },
    ],
  },
  tls: {
    byDefault: null,
    good: [
      [false, null],
      [true, expect.any(Function)],
      [{}, expect.any(Function)],
      [{ caFile: 'ca.pem', rejectUnauthorized: false }, expect.any(Function)],
      [() => ({}), expect.any(Function)],
    ],
    bad: [
      'ca.pem',
      1,
      [],
      { host: 'a' },
      { caFile: 1 },
      { ca: 'x', caFile: 'y' },
      { cert: 'no PEM' },
      { rejectUnauthorized: 0 },
      { servername: 1 },
      { checkServerIdentity: true },
      { minVersion: 'TLSv9' },
    ],
  },
  session: {
    byDefault: null,
    good: [
      [
        { id: 5n, password: Buffer.from('p') },
        { id: 5n, passwd: Buffer.from('p') },
      ],
    ],
    bad: [
      5n,
      {},
      { id: 5, password: Buffer.alloc(1) },
      { id: 0n, password: Buffer.alloc(1) },
      { id: 5n, password: 'p' },
    ],
  },
  readOnly: { byDefault: false, good: [[true], [false]], bad: [1, 'true', null] },
  sessionExpiry: { byDefault: 'renew', good: [['renew'], ['close']], bad: ['Renew', '', 'never', 1, true] },
  offlineQueue: {
    byDefault: { enabled: true, maxRequests: 100_000, maxBytes: 64 * 1024 * 1024 },
    good: [
      [false, { enabled: false, maxRequests: 100_000, maxBytes: 64 * 1024 * 1024 }],
      [{}, { enabled: true, maxRequests: 100_000, maxBytes: 64 * 1024 * 1024 }],
      [{ maxRequests: 1 }, { enabled: true, maxRequests: 1, maxBytes: 64 * 1024 * 1024 }],
      [{ maxRequests: 10_000_000 }, { enabled: true, maxRequests: 10_000_000, maxBytes: 64 * 1024 * 1024 }],
      [{ maxBytes: 1 }, { enabled: true, maxRequests: 100_000, maxBytes: 1 }],
      [
        { maxBytes: Number.MAX_SAFE_INTEGER, maxRequests: undefined },
        { enabled: true, maxRequests: 100_000, maxBytes: Number.MAX_SAFE_INTEGER },
      ],
    ],
    bad: [
      true,
      [],
      { maxRequests: 0 },
      { maxRequests: 10_000_001 },
      { maxRequests: 1.5 },
      { maxRequests: null },
      { maxBytes: 0 },
      { maxBytes: 2 ** 53 },
      { maxBytes: '1' },
      { maxRequest: 1 },
      { enabled: false },
    ],
  },
  backoff: {
    byDefault: { baseMs: 100, maxMs: 3000 },
    good: [
      [{}, { baseMs: 100, maxMs: 3000 }],
      [{ baseMs: 1 }, { baseMs: 1, maxMs: 3000 }],
      [{ baseMs: 5000 }, { baseMs: 5000, maxMs: 5000 }],
      [{ maxMs: 100 }, { baseMs: 100, maxMs: 100 }],
      [{ baseMs: MAX, maxMs: MAX }],
      [
        { baseMs: undefined, maxMs: undefined },
        { baseMs: 100, maxMs: 3000 },
      ],
    ],
    bad: [
      false,
      100,
      [],
      { baseMs: 0 },
      { baseMs: MAX + 1 },
      { baseMs: 0.5 },
      { maxMs: 0 },
      { maxMs: 99 },
      { baseMs: 10, maxMs: 9 },
      { maxMs: MAX + 1 },
      { max: 1 },
    ],
  },
  hostProvider: {
    byDefault: null,
    good: [[provider]],
    bad: [
      [],
      'a:1',
      () => provider,
      {},
      { ...provider, next: undefined },
      { ...provider, connected: 1 },
      { ...provider, size: undefined },
      { ...provider, size: '3' },
    ],
  },
  rearmWatches: { byDefault: true, good: [[true], [false]], bad: ['true', 0, 1, null] },
  captureStack: { byDefault: false, good: [[true], [false]], bad: ['true', 0, 1, {}] },
  dialer: { byDefault: tcpDialer, good: [[dialer]], bad: [{}, 'tcp', 1, []] },
  clock: {
    byDefault: systemClock,
    good: [[clock], [systemClock]],
    bad: [{}, [], () => 0, { ...clock, now: 1 }, { ...clock, setTimer: undefined }],
  },
  random: { byDefault: Math.random, good: [[() => 0.5]], bad: [0.5, {}, '0'] },
};

/** Nothing that any option takes. */
const NEVER: unknown[] = [null, NaN, Infinity, 1.5, '30000', Symbol('x'), 10n];

describe('the option table', () => {
  it('is tested whole', () => {
    expect(Object.keys(TABLE).sort()).toEqual(Object.keys(OPTION_TABLE).sort());
  });

  describe.each(Object.entries(TABLE))('%s', (key, { byDefault, good, bad }) => {
    it('has a default, also where it is given as undefined', () => {
      expect(resolved(key, undefined)).toEqual(byDefault);
      expect(resolveOptions({})[key as keyof typeof OPTION_TABLE]).toEqual(byDefault);
      expect(OPTION_TABLE[key as keyof typeof OPTION_TABLE].default).toEqual(byDefault);
    });

    it('takes what is good', () => {
      for (const [value, becomes = value] of good) expect(resolved(key, value)).toEqual(becomes);
    });

    it('refuses what is not, by name', () => {
      for (const value of [...bad, ...NEVER]) {
        const error = refusal({ [key]: value });
        expect(error).toBeInstanceOf(InvalidOptionError);
        expect(error).toBeInstanceOf(UsageError);
        expect(error).toMatchObject({ code: 'ZK_INVALID_OPTION', outcome: 'not-sent', retryable: false });
        expect((error as Error).message).toContain(key);
      }
    });
  });
});

describe('resolveOptions', () => {
  it.each([undefined, null, {}])('takes %s for no options', (options) => {
    expect(resolveOptions(options)).toEqual(
      Object.fromEntries(Object.entries(TABLE).map(([key, { byDefault }]) => [key, byDefault])),
    );
  });

  it.each([42, 'a', true, [], () => ({}), Symbol('x')])('wants an object: %s', (options) => {
    expect(refusal(options)).toBeInstanceOf(InvalidOptionError);
  });

  it.each([
    ['sessionTimeout', 'sessionTimeoutMs'],
    ['sessiontimeoutms', 'sessionTimeoutMs'],
    ['SESSIONTIMEOUTMS', 'sessionTimeoutMs'],
    ['connectTimeout', 'connectTimeoutMs'],
    ['chRoot', 'chroot'],
    ['auths', 'auth'],
    ['dailer', 'dialer'],
    ['backOff', 'backoff'],
    ['hostProvidr', 'hostProvider'],
    ['maxRequestByte', 'maxRequestBytes'],
  ])('guesses what %s was to be', (wrong, right) => {
    const error = refusal({ [wrong]: undefined }) as Error;
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message).toContain(`'${wrong}'`);
    expect(error.message).toContain(`'${right}'`);
  });

  it('does not guess where nothing is near', () => {
    const error = refusal({ xyzzyPlughFrobnicate: 1 }) as Error;
    expect(error.message).not.toContain('did you mean');
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('knows no option %s', (key) => {
    expect(refusal(Object.defineProperty({}, key, { value: 1, enumerable: true }))).toBeInstanceOf(
      InvalidOptionError,
    );
  });

  it('of 1 MiB in one key is refused at once', { timeout: 300_000 }, () => {
    expect(refusal({ ['x'.repeat(1 << 20)]: 1 })).toBeInstanceOf(InvalidOptionError);
  });

  it('leaves the options alone, however deep, and takes frozen ones', () => {
    const options = Object.freeze({
      chroot: '/',
      backoff: Object.freeze({ baseMs: 5000 }),
      offlineQueue: Object.freeze({ maxRequests: 5 }),
      auth: Object.freeze([Object.freeze({ scheme: 'digest', auth: 'u:p' })]),
    });
    const before = JSON.stringify(options);
    resolveOptions(options);
    expect(JSON.stringify(options)).toBe(before);
  });

  it('gives what nobody can change, and what does not follow the options', () => {
    const auth = [{ scheme: 'digest', auth: 'u:p' }];
    const options = { auth, backoff: { baseMs: 10, maxMs: 20 } };
    const result = resolveOptions(options);
    expect(Object.isFrozen(result)).toBe(true);
    auth[0]!.scheme = 'other';
    auth.push({ scheme: 'x', auth: 'y' });
    options.backoff.maxMs = 5;
    expect(result.auth).toEqual([{ scheme: 'digest', auth: 'u:p' }]);
    expect(result.backoff).toEqual({ baseMs: 10, maxMs: 20 });
  });

  it('never shows a secret in an error', () => {
    for (const auth of [
      [{ scheme: 'digest', auth: 's3cret', more: 1 }],
      's3cret',
      [{ scheme: 's3cret'.length, auth: 's3cret' }],
    ]) {
      expect((refusal({ auth }) as Error).message).not.toContain('s3cret');
    }
    expect((refusal({ chroot: { s3cret: 1 } }) as Error).message).not.toContain('s3cret');
  });

  it('reads inherited options too, as a class may give them', () => {
    class Defaults {
      readonly sessionTimeoutMs = 5;
    }
    expect(resolveOptions(new Defaults()).sessionTimeoutMs).toBe(5);
  });
});

describe('new Conn', () => {
  it('refuses bad options before it looks at anything else, and does nothing', () => {
    expect(() => new Conn('', { sessionTimeout: 1 } as ConnOptions)).toThrow(InvalidOptionError);
    expect(() => new Conn('a:1', { auth: [{ scheme: 'digest', auth: '\ud800' }] })).toThrow(UsageError);
  });

  it.each([
    ['a:1', undefined, ''],
    ['a:1/x', undefined, '/x'],
    ['a:1', '/y', '/y'],
    ['a:1/x', '/y', '/x/y'],
    ['a:1/x', '/', '/x'],
    ['a:1/', '/', ''],
  ])('puts the chroot of %s before %s', (connectString, chroot, expected) => {
    expect(new Conn(connectString, { chroot }).chrootPath).toBe(expected);
  });
});
