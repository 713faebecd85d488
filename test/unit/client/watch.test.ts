import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Watch, WatchCell } from '../../../src/client/watch.js';
import { ConnClosedError, SessionExpiredError, WatchClosedError } from '../../../src/protocol/errors.js';
import { type WatchEvent, WatchRegistry } from '../../../src/session/watches.js';
import { catchingUncaught, rejectionOf } from '../../support/scripted-server.js';
import { all } from './values.js';

const CHANGED: WatchEvent = { type: 'NodeDataChanged', path: '/a', zxid: 9n };
const expired = (): SessionExpiredError => new SessionExpiredError({ outcome: 'not-sent' });

/** A watch with what stands behind it, and no Conn. */
function armed(): { watch: Watch; cell: WatchCell; registry: WatchRegistry } {
  const registry = new WatchRegistry();
  const cell = new WatchCell(registry, '/a', '');
  registry.arm('data', '/a', cell);
  return { watch: new Watch('/a', cell), cell, registry };
}

describe('a watch that is printed', () => {
  it('shows its path and its state, and nothing of what is behind it', () => {
    const { watch, cell } = armed();
    const shown = (): string => inspect(watch, { depth: Infinity });
    expect(shown()).toBe("{ Watch: { path: '/a', state: 'waiting' } }");
    expect(JSON.stringify({ watch })).toBe('{"watch":{"path":"/a","state":"waiting"}}');
    cell.fired(CHANGED);
    expect(shown()).toBe("{ Watch: { path: '/a', state: 'fired' } }");
    const other = armed().watch;
    other.close();
    expect(inspect(other)).toBe("{ Watch: { path: '/a', state: 'ended' } }");
  });
});

describe('a watch that fires', () => {
  it.each(['before', 'after'])('yields its event once and ends, where the loop begins %s', async (when) => {
    const { watch, cell } = armed();
    if (when === 'before') cell.fired(CHANGED);
    const loop = all(watch);
    if (when === 'after') cell.fired(CHANGED);
    expect(await loop).toEqual([CHANGED]);
    expect(await all(watch)).toEqual([]);
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  it('resolves its promise, which is always the same', async () => {
    const { watch, cell } = armed();
    const { event } = watch;
    expect(watch.event).toBe(event);
    cell.fired(CHANGED);
    expect(await event).toBe(CHANGED);
    expect(watch.event).toBe(event);
  });

  it('tells everybody who waits', async () => {
    const { watch, cell } = armed();
    const waiting = [watch.event, watch.event, watch.next(), watch.next(), watch.next()];
    cell.fired(CHANGED);
    expect(await Promise.all(waiting)).toEqual([
      CHANGED,
      CHANGED,
      { done: false, value: CHANGED },
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    expect(await watch.event).toBe(CHANGED);
  });

  it('fires once', async () => {
    const { watch, cell } = armed();
    cell.fired(CHANGED);
    cell.fired({ ...CHANGED, zxid: 10n });
    cell.ended(expired());
    cell.close(new WatchClosedError({ outcome: 'not-sent' }));
    watch.close();
    expect(await watch.event).toBe(CHANGED);
    expect(await all(watch)).toEqual([CHANGED]);
  });

  it('is an iterator of itself', () => {
    const { watch } = armed();
    expect(watch[Symbol.asyncIterator]()).toBe(watch);
    expect(watch.path).toBe('/a');
  });

  it('shows the path without the chroot', async () => {
    const registry = new WatchRegistry();
    const cell = new WatchCell(registry, '/app/a', '/app');
    cell.fired({ ...CHANGED, path: '/app/a' });
    expect(await new Watch('/a', cell).event).toEqual(CHANGED);
    const root = new WatchCell(registry, '/app', '/app');
    root.fired({ ...CHANGED, path: '/app' });
    expect(await new Watch('/', root).event).toEqual({ ...CHANGED, path: '/' });
  });
});

describe('close', () => {
  it.each(['before', 'after'])('ends a loop that began %s it', async (when) => {
    const { watch, registry } = armed();
    if (when === 'after') watch.close();
    const loop = all(watch);
    watch.close();
    watch.close();
    expect(await loop).toEqual([]);
    expect(registry.size).toBe(0);
  });

  it('rejects the event', async () => {
    const { watch } = armed();
    const before = rejectionOf(watch.event);
    watch.close();
    const error = await before;
    expect(error).toBeInstanceOf(WatchClosedError);
    expect(error).toMatchObject({ code: 'ZK_WATCH_CLOSED', outcome: 'not-sent', path: '/a' });
    expect(await rejectionOf(watch.event)).toBe(error);
  });

  it('leaves the other watches of the path alone', async () => {
    const { watch, registry } = armed();
    const other = new WatchCell(registry, '/a', '');
    registry.arm('data', '/a', other);
    watch.close();
    for (const watcher of registry.take('NodeDataChanged', '/a')) watcher.fired(CHANGED);
    expect(await new Watch('/a', other).event).toBe(CHANGED);
    await rejectionOf(watch.event);
  });

  it('before it is armed keeps it from being registered', () => {
    const registry = new WatchRegistry();
    const cell = new WatchCell(registry, '/a', '');
    new Watch('/a', cell).close();
    registry.arm('child', '/a', cell);
    expect(registry.size).toBe(0);
  });

  it('is what break does', async () => {
    const { watch, cell, registry } = armed();
    cell.fired(CHANGED);
    registry.arm('data', '/a', cell);
    for await (const event of watch) {
      expect(event).toBe(CHANGED);
      break;
    }
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    const second = armed();
    expect(await second.watch.return()).toEqual({ done: true, value: undefined });
    expect(second.registry.size).toBe(0);
    expect(await second.watch.next()).toEqual({ done: true, value: undefined });
    expect(await rejectionOf(second.watch.event)).toBeInstanceOf(WatchClosedError);
  });

  it('by return ends a next that waits', async () => {
    const { watch } = armed();
    const waiting = watch.next();
    await watch.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('by return keeps an event that nobody took from the iterator, not from the promise', async () => {
    const { watch, cell } = armed();
    cell.fired(CHANGED);
    await watch.return();
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(await watch.event).toBe(CHANGED);
  });

  it('is what the end of a block does [E13]', async () => {
    const first = armed();
    const second = armed();
    {
      using watch = first.watch;
      await using other = second.watch;
      expect([watch.path, other.path]).toEqual(['/a', '/a']);
      expect([first.registry.size, second.registry.size]).toEqual([1, 1]);
    }
    expect([first.registry.size, second.registry.size]).toEqual([0, 0]);
    expect(await first.watch.next()).toEqual({ done: true, value: undefined });
    expect(await second.watch.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a watch that ends without an event', () => {
  it('throws once from the iterator', async () => {
    const { watch, cell } = armed();
    const [first, second] = [watch.next(), watch.next()];
    cell.ended(expired());
    expect(await rejectionOf(first)).toBeInstanceOf(SessionExpiredError);
    expect(await second).toEqual({ done: true, value: undefined });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  it('throws from a loop', async () => {
    const { watch, cell } = armed();
    const loop = all(watch);
    cell.ended(expired());
    expect(await rejectionOf(loop)).toBeInstanceOf(SessionExpiredError);
    expect(await all(watch)).toEqual([]);
  });

  it('rejects its promise each time, and nothing is unhandled', async () => {
    const caught = await catchingUncaught(() => {
      const { watch, cell } = armed();
      void watch.event;
      cell.ended(expired());
      void watch.event;
      const late = armed();
      late.cell.ended(expired());
      void late.watch.event;
      const nobody = armed();
      nobody.cell.ended(expired());
    });
    expect(caught).toEqual([]);
    const { watch, cell } = armed();
    cell.ended(expired());
    const error = await rejectionOf(watch.event);
    expect(await rejectionOf(watch.event)).toBe(error);
  });

  it('ends quietly where the Conn was closed', async () => {
    const { watch, cell } = armed();
    const waiting = watch.next();
    cell.ended(new ConnClosedError({ outcome: 'not-sent' }));
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await rejectionOf(watch.event)).toBeInstanceOf(ConnClosedError);
  });
});
