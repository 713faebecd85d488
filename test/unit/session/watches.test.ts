import { describe, expect, it } from 'vitest';
import type { EventType } from '../../../src/protocol/constants.js';
import { SessionExpiredError } from '../../../src/protocol/errors.js';
import type { WatchKind } from '../../../src/protocol/op.js';
import { WatchRegistry, type OneShotKind } from '../../../src/session/watches.js';
import { RecordingWatcher } from '../../support/core-world.js';

const KINDS = ['data', 'exist', 'child'] as const;
const expired = (): SessionExpiredError => new SessionExpiredError({ outcome: 'not-sent' });

/** Which tables an event empties (Java `ZKWatchManager.materialize`). */
const SPENDS: Readonly<Record<EventType, readonly OneShotKind[]>> = {
  NodeCreated: ['data', 'exist'],
  NodeDeleted: ['data', 'exist', 'child'],
  NodeDataChanged: ['data', 'exist'],
  NodeChildrenChanged: ['child'],
};

function armed(registry: WatchRegistry, kind: WatchKind, path: string): RecordingWatcher {
  const watcher = new RecordingWatcher();
  registry.arm(kind, path, watcher);
  return watcher;
}

describe('an event', () => {
  it.each(
    (Object.keys(SPENDS) as EventType[]).flatMap((type) =>
      KINDS.map((kind) => [type, kind, SPENDS[type].includes(kind) ? 'spends' : 'leaves'] as const),
    ),
  )('%s of a %s watch: %s it', (type, kind, what) => {
    const registry = new WatchRegistry();
    const watcher = armed(registry, kind, '/a');
    expect(registry.take(type, '/a')).toEqual(what === 'spends' ? [watcher] : []);
    expect(registry.size).toBe(what === 'spends' ? 0 : 1);
    // whoever was taken is gone, and who was left is still there for his own event
    expect(registry.take(type, '/a')).toEqual([]);
    const own = kind === 'child' ? 'NodeChildrenChanged' : 'NodeDataChanged';
    expect(registry.take(own, '/a')).toEqual(what === 'spends' ? [] : [watcher]);
  });

  it('of a deletion reaches all three tables, each in the order of arming', () => {
    const registry = new WatchRegistry();
    const [first, second] = [armed(registry, 'data', '/a'), armed(registry, 'data', '/a')];
    const exist = armed(registry, 'exist', '/a');
    const children = Array.from({ length: 3 }, () => armed(registry, 'child', '/a'));
    const taken = registry.take('NodeDeleted', '/a');
    const index = (watcher: RecordingWatcher): number => taken.indexOf(watcher);
    expect(taken).toHaveLength(6);
    expect(new Set(taken)).toEqual(new Set([first, second, exist, ...children]));
    expect(index(first)).toBeLessThan(index(second));
    expect(children.map(index)).toEqual(children.map(index).sort((a, b) => a - b));
    expect(registry.size).toBe(0);
  });

  it('is that of one path, to the letter', () => {
    const registry = new WatchRegistry();
    const watchers = ['/', '/a', '/a/b', '/ab', '/A'].map((path) => armed(registry, 'data', path));
    expect(registry.take('NodeDeleted', '/a')).toEqual([watchers[1]]);
    expect(registry.take('NodeDeleted', '/a/')).toEqual([]);
    expect(registry.take('NodeDeleted', '__proto__')).toEqual([]);
    expect(registry.size).toBe(4);
  });

  it('does not take who is armed while it is told', () => {
    const registry = new WatchRegistry();
    armed(registry, 'data', '/a');
    const taken = registry.take('NodeDataChanged', '/a');
    const again = armed(registry, 'data', '/a');
    expect(taken).toHaveLength(1);
    expect(registry.take('NodeDataChanged', '/a')).toEqual([again]);
  });
});

describe('a watcher', () => {
  it('is told where it is armed', () => {
    const registry = new WatchRegistry();
    const watcher = armed(registry, 'exist', '/a');
    registry.arm('child', '/b', watcher);
    expect(watcher.heard).toEqual(['armed exist /a', 'armed child /b']);
  });

  it('counts once for a path of a table, however many there are', () => {
    const registry = new WatchRegistry();
    for (const kind of KINDS) for (const path of ['/a', '/a', '/b']) armed(registry, kind, path);
    expect(registry.size).toBe(6);
  });

  it.each([
    [2, 0],
    [2, 1],
    [3, 0],
    [3, 1],
    [3, 2],
    [5, 3],
  ])('of %i on one path is disarmed alone: number %i', (count, gone) => {
    const registry = new WatchRegistry();
    const watchers = Array.from({ length: count }, () => armed(registry, 'data', '/a'));
    registry.disarm('data', '/a', watchers[gone]!);
    expect(registry.size).toBe(1);
    const late = armed(registry, 'data', '/a');
    const rest = [...watchers.filter((_, i) => i !== gone), late];
    expect(registry.take('NodeDataChanged', '/a')).toEqual(rest);
    expect(watchers.flatMap(({ heard }) => heard)).toHaveLength(count);
  });

  it('that is the last one takes its path along', () => {
    const registry = new WatchRegistry();
    const watchers = Array.from({ length: 3 }, () => armed(registry, 'child', '/a'));
    for (const [i, watcher] of watchers.entries()) {
      expect([i, registry.size]).toEqual([i, 1]);
      registry.disarm('child', '/a', watcher);
    }
    expect(registry.size).toBe(0);
    expect(registry.take('NodeChildrenChanged', '/a')).toEqual([]);
    for (const kind of KINDS) expect([...registry.paths(kind)]).toEqual([]);
  });

  it('that is not there is not missed, and nobody else goes in its place', () => {
    const registry = new WatchRegistry();
    const [one, two] = [armed(registry, 'data', '/a'), armed(registry, 'data', '/b')];
    const other = armed(registry, 'data', '/b');
    const stranger = new RecordingWatcher();
    for (const path of ['/a', '/b', '/c']) registry.disarm('data', path, stranger);
    registry.disarm('child', '/a', one);
    registry.disarm('data', '/b', one);
    expect(registry.take('NodeDataChanged', '/a')).toEqual([one]);
    expect(registry.take('NodeDataChanged', '/b')).toEqual([two, other]);
  });
});

describe('the end', () => {
  it('of all reaches each watcher of each table, once', () => {
    const registry = new WatchRegistry();
    const watchers = KINDS.flatMap((kind) => ['/a', '/a', '/b'].map((path) => armed(registry, kind, path)));
    registry.endAll(expired());
    for (const { heard } of watchers) expect(heard.slice(1)).toEqual(['ZK_SESSION_EXPIRED']);
    expect(registry.size).toBe(0);
    registry.endAll(expired());
    for (const { heard } of watchers) expect(heard).toHaveLength(2);
  });

  it('of all is not that of one who is armed meanwhile', () => {
    const registry = new WatchRegistry();
    const next = new RecordingWatcher();
    const first = armed(registry, 'data', '/a');
    first.ended = () => {
      expect(registry.size).toBe(0);
      registry.arm('child', '/a', next);
    };
    registry.endAll(expired());
    expect(next.heard).toEqual(['armed child /a']);
    expect(registry.take('NodeDeleted', '/a')).toEqual([next]);
  });

  it('of a batch reaches the paths of that batch, each in its table', () => {
    const registry = new WatchRegistry();
    const made = KINDS.map((kind) => ['/a', '/b', '/b'].map((path) => armed(registry, kind, path)));
    const paths = {
      data: ['/b', '/none'],
      exist: ['/a'],
      child: ['/b'],
      persistent: ['/c'],
      persistentRecursive: [],
    };
    registry.endThese(paths, expired());
    expect(made.map((list) => list.map(({ heard }) => heard.length - 1))).toEqual([
      [0, 1, 1],
      [1, 0, 0],
      [0, 1, 1],
    ]);
    expect(registry.size).toBe(3);
  });
});

describe('a persistent watch', () => {
  const EVENTS: readonly EventType[] = [
    'NodeCreated',
    'NodeDeleted',
    'NodeDataChanged',
    'NodeChildrenChanged',
  ];

  it.each(EVENTS)('on a node hears %s of it again and again', (type) => {
    const registry = new WatchRegistry();
    const watcher = armed(registry, 'persistent', '/a/b');
    for (let i = 0; i < 3; i++) expect(registry.take(type, '/a/b')).toEqual([watcher]);
    for (const other of ['/', '/a', '/a/bc', '/a/b/c']) expect(registry.take(type, other)).toEqual([]);
  });

  it.each(EVENTS)('that is recursive hears %s of all below it, but never NodeChildrenChanged', (type) => {
    const registry = new WatchRegistry();
    const [root, node] = [
      armed(registry, 'persistentRecursive', '/'),
      armed(registry, 'persistentRecursive', '/a/b'),
    ];
    const heard = type === 'NodeChildrenChanged' ? [] : [node, root];
    expect(registry.take(type, '/a/b')).toEqual(heard);
    expect(registry.take(type, '/a/b/c/d')).toEqual(heard);
    expect(registry.take(type, '/a')).toEqual(heard.slice(1));
    expect(registry.take(type, '/a/bc')).toEqual(heard.slice(1));
    expect(registry.take(type, '/')).toEqual(heard.slice(1));
  });

  it('hears of a path that a server made up, and nothing hangs', () => {
    const registry = new WatchRegistry();
    const root = armed(registry, 'persistentRecursive', '/');
    for (const path of ['', 'abc', 'a/b', '//', '/a//b', '/a/']) {
      expect(registry.take('NodeCreated', path)).toEqual([root]);
    }
  });

  it('hears an event once, behind those whom it spends', () => {
    const registry = new WatchRegistry();
    const recursive = armed(registry, 'persistentRecursive', '/a');
    const persistent = armed(registry, 'persistent', '/a');
    const data = armed(registry, 'data', '/a');
    expect(registry.take('NodeDataChanged', '/a')).toEqual([data, persistent, recursive]);
    expect(registry.take('NodeDataChanged', '/a')).toEqual([persistent, recursive]);
  });

  it('is told that it has missed something; those that fire once are not', () => {
    const registry = new WatchRegistry();
    const kinds = ['data', 'exist', 'child', 'persistent', 'persistentRecursive'] as const;
    const watchers = kinds.map((kind) => armed(registry, kind, '/a'));
    registry.tellMissed();
    expect(watchers.map(({ heard }) => heard.slice(1))).toEqual([[], [], [], ['missed'], ['missed']]);
    registry.tellSuspended();
    expect(watchers.map(({ heard }) => heard.slice(2))).toEqual([[], [], [], ['suspended'], ['suspended']]);
  });

  it('stands for those that fire once on the same path', () => {
    const registry = new WatchRegistry();
    armed(registry, 'persistent', '/p');
    armed(registry, 'persistentRecursive', '/r');
    const covered = (path: string): OneShotKind[] => KINDS.filter((kind) => registry.covers(kind, path));
    expect(covered('/p')).toEqual(['data', 'exist', 'child']);
    expect(covered('/r')).toEqual(['data', 'exist']);
    expect(covered('/r/below')).toEqual([]);
    expect(covered('/')).toEqual([]);
  });
});

/** What an event looks for, and in which tables. */
function lookUps(registry: WatchRegistry, path: string, type: EventType = 'NodeDataChanged'): string[][] {
  const { tables } = registry as unknown as { tables: Record<WatchKind, Map<string, unknown>> };
  const asked: string[][] = [];
  for (const [kind, table] of Object.entries(tables)) {
    table.get = (key) => {
      asked.push([kind, key]);
      return Map.prototype.get.call(table, key) as unknown;
    };
  }
  registry.take(type, path);
  return asked;
}

describe('an event looks', () => {
  it('in no table that is empty', () => {
    const registry = new WatchRegistry();
    expect(lookUps(registry, '/a/b', 'NodeDeleted')).toEqual([]);
    armed(registry, 'persistentRecursive', '/a');
    expect(lookUps(registry, '/a', 'NodeDeleted')).toEqual([
      ['persistentRecursive', '/a'],
      ['persistentRecursive', '/'],
    ]);
    armed(registry, 'child', '/c');
    expect(lookUps(registry, '/', 'NodeChildrenChanged')).toEqual([['child', '/']]);
  });
});

describe('a recursive watch', () => {
  function lookedFor(registry: WatchRegistry, path: string): string[] {
    return lookUps(registry, path).flatMap(([kind, at]) => (kind === 'persistentRecursive' ? at! : []));
  }

  it.each(['/', '/a', '/a/b', '/a/b/cde'])(
    'on %s hears of what is below it, however long that is',
    (path) => {
      const registry = new WatchRegistry();
      const watcher = armed(registry, 'persistentRecursive', path);
      for (const end of ['', '/x', '/x/y', `/${'z'.repeat(50)}`, '/x'.repeat(100)]) {
        const at = path === '/' ? end || '/' : path + end;
        expect(registry.take('NodeDataChanged', at)).toEqual([watcher]);
      }
      expect(registry.take('NodeDataChanged', `${path}x`)).toEqual(path === '/' ? [watcher] : []);
    },
  );

  it('is not looked for on paths that are longer than any that is watched, be an event all slashes', () => {
    const registry = new WatchRegistry();
    for (const path of ['/a', '/long/er', '/b']) armed(registry, 'persistentRecursive', path);
    expect(lookedFor(registry, '/'.repeat(100_000)).map(({ length }) => length)).toEqual([
      8, 7, 6, 5, 4, 3, 2, 1,
    ]);
    expect(lookedFor(registry, '/long/er/and/longer')).toEqual(['/long/er', '/long', '/']);
    expect(lookedFor(registry, `/long/${'x'.repeat(1000)}`)).toEqual(['/long', '/']);
  });

  it('that is long costs nothing more when it has ended, and no other is there', () => {
    const registry = new WatchRegistry();
    const watcher = armed(registry, 'persistentRecursive', '/a'.repeat(1000));
    registry.disarm('persistentRecursive', '/a'.repeat(1000), watcher);
    armed(registry, 'persistentRecursive', '/a');
    expect(lookedFor(registry, '/a'.repeat(5000))).toEqual(['/a', '/']);
  });
});

describe('leaving', () => {
  it('is told when the last one of a table leaves a path, and only if he left by himself', () => {
    const left: string[] = [];
    const registry = new WatchRegistry((kind, path) => left.push(`${kind} ${path}`));
    const [one, two] = [armed(registry, 'data', '/a'), armed(registry, 'data', '/a')];
    const child = armed(registry, 'child', '/a');
    registry.disarm('data', '/a', one);
    expect(left).toEqual([]);
    registry.disarm('data', '/a', two);
    registry.disarm('data', '/a', two);
    expect(left).toEqual(['data /a']);
    registry.take('NodeChildrenChanged', '/a');
    registry.disarm('child', '/a', child);
    armed(registry, 'exist', '/a');
    registry.endAll(expired());
    expect(left).toEqual(['data /a']);
  });
});
