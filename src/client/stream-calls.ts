/** Calls that give streams: the newest state of a node, or all that happens to it. */
import { AddWatchMode, AddWatchModeCode } from '../protocol/constants.js';
import { InvalidArgumentError, InvalidOptionError } from '../protocol/errors.js';
import { operations } from '../protocol/operations.js';
import type { Stat } from '../protocol/records.js';
import { checkCallOptions } from './arguments.js';
import { rejecting, type Caller } from './caller.js';
import { ZnodeCalls, type ChildrenResult, type GetResult } from './calls.js';
import { asObject, refuseUnknownKeys } from './options.js';
import { throwIfAborted } from './stream.js';
import { ValueStream, type ValueSource, type ValueStreamOptions } from './value-stream.js';
import { WatchStream, type AddWatchOptions } from './watch-stream.js';

const DEFAULT_BUFFER = 1024;

/** {@link ZnodeCalls}, and the streams. */
export abstract class StreamCalls extends ZnodeCalls {
  /**
   * The newest data of a node, and null while there is no such node: `for await (const value of conn.watchData('/a'))`.
   * Nothing is read before the first `next()`. See {@link ValueStream}.
   * @throws InvalidPathError, InvalidOptionError, InvalidArgumentError, the reason of a signal that has aborted: at once
   */
  watchData(path: string, options?: ValueStreamOptions): ValueStream<GetResult> {
    return this.values(path, options, 'watchData', {
      read: async () => {
        const { data, stat, watch } = await this.getW(path);
        return { value: { data, stat }, watch };
      },
      isSame: (a, b) => isSameNode(a.stat, b.stat) && a.stat.mzxid === b.stat.mzxid,
    });
  }

  /**
   * The newest names of a node's children, and null while there is no such node. Changes of the node's or the children's
   * data do not count.
   * @throws as {@link watchData}
   */
  watchChildren(path: string, options?: ValueStreamOptions): ValueStream<ChildrenResult> {
    return this.values(path, options, 'watchChildren', {
      read: async () => {
        const { children, stat, watch } = await this.childrenW(path);
        return { value: { children, stat }, watch };
      },
      isSame: (a, b) => isSameNode(a.stat, b.stat) && a.stat.pzxid === b.stat.pzxid,
    });
  }

  /**
   * Arms a persistent watch and resolves with the stream of its events. Server 3.6. `PERSISTENT`: creation, deletion and
   * change of the node, and creation and deletion of its children. `PERSISTENT_RECURSIVE`: creation, deletion and change
   * of the node and of everything below it. The node need not exist. See {@link WatchStream}.
   * @throws UnsupportedError from servers before 3.6
   */
  addWatch(path: string, mode: AddWatchMode, options?: AddWatchOptions): Promise<WatchStream> {
    return rejecting(() => {
      const { caller } = this;
      const serverPath = caller.toServer(path, 'node', 'addWatch');
      const checked = checkCallOptions(options, 'addWatch', path, ['bufferSize', 'suspensions']);
      throwIfAborted(checked.signal);
      const code = checkMode(mode, path);
      const { bufferSize = DEFAULT_BUFFER, suspensions = false } = options ?? {};
      checkBuffer(bufferSize, suspensions);
      const stream = new WatchStream(path, caller.watches, {
        serverPath,
        chroot: caller.chroot,
        signal: checked.signal,
        bufferSize,
        suspensions,
      });
      const armed = caller.issue({
        row: operations.addWatch,
        path,
        request: { path: serverPath, mode: code },
        shape: () => stream,
        watcher: stream.watcher,
        options: checked,
      });
      armed.catch(() => stream.fail());
      return armed;
    });
  }

  private values<V>(
    path: string,
    options: ValueStreamOptions | undefined,
    name: string,
    kind: Pick<ValueSource<V>, 'read' | 'isSame'>,
  ): ValueStream<V> {
    const { caller } = this;
    caller.toServer(path, 'node', name);
    const given = asObject(options ?? {}, `the options of ${name}`);
    refuseUnknownKeys(given, ['signal', 'acrossSessions'], `option of ${name}`);
    const { signal } = checkCallOptions({ signal: given['signal'] }, name, path);
    const { acrossSessions = true } = given;
    if (typeof acrossSessions !== 'boolean')
      throw new InvalidOptionError('acrossSessions must be true or false');
    throwIfAborted(signal);
    const source: ValueSource<V> = {
      ...kind,
      awaitCreation: async () => {
        const { stat, watch } = await this.existsW(path);
        return { exists: stat !== null, watch };
      },
      sync: () => this.sync(path),
      ...waitsOf(caller),
    };
    return new ValueStream(path, source, signal, acrossSessions);
  }
}

function waitsOf({
  driver,
  delays,
}: Caller): Pick<ValueSource<unknown>, 'isOver' | 'sessionEpoch' | 'isLocal' | 'onceUsable' | 'after'> {
  return {
    isOver: () => driver.isOver,
    sessionEpoch: () => driver.core.sessionEpoch,
    isLocal: () => driver.core.isLocal,
    onceUsable: (callback) => driver.usable.once(callback),
    after: (delayMs, callback) => delays.after(delayMs, callback),
  };
}

/** The same life of a node, not another one of the same name. */
function isSameNode(a: Stat, b: Stat): boolean {
  return a.czxid === b.czxid;
}

function checkMode(mode: unknown, path: string): number {
  if (typeof mode === 'string' && Object.hasOwn(AddWatchModeCode, mode))
    return AddWatchModeCode[mode as AddWatchMode];
  const known = Object.keys(AddWatchMode).join(' or ');
  throw new InvalidArgumentError(`mode must be ${known}`, { op: 'addWatch', path });
}

function checkBuffer(bufferSize: unknown, suspensions: unknown): void {
  if (typeof bufferSize !== 'number' || !Number.isInteger(bufferSize) || bufferSize < 1) {
    throw new InvalidOptionError('bufferSize must be a whole number of items, 1 or more');
  }
  if (typeof suspensions !== 'boolean') throw new InvalidOptionError('suspensions must be true or false');
}
