/** Calls about the session and the ensemble rather than about one znode, each one line over {@link Caller}. */
import { WatcherType, WatcherTypeCode } from '../protocol/constants.js';
import { Errno } from '../protocol/error-codes.js';
import { parseConfig, type EnsembleConfig } from '../protocol/ensemble-config.js';
import {
  InvalidArgumentError,
  MarshallingError,
  NoWatcherError,
  UnsupportedError,
  keeperError,
} from '../protocol/errors.js';
import {
  operations,
  type GetAllChildrenNumberResponse,
  type GetDataResponse,
  type GetEphemeralsResponse,
  type ReconfigRequest,
  type WhoAmIResponse,
} from '../protocol/operations.js';
import type { Stat } from '../protocol/records.js';
import { checkCallOptions, type CallOptions } from './arguments.js';
import { rejecting, type Caller } from './caller.js';
import { asObject, refuseUnknownKeys } from './options.js';
import type { Watched } from './results.js';
import type { Watch } from './watch.js';

/** An identity that the server gives to this connection. */
export interface Identity {
  /** `ip`, `digest`, `sasl`, `x509`, `super` and so on. */
  readonly scheme: string;
  /** A name without any secret; of a digest what stands before the colon. Empty for `super`. */
  readonly user: string;
}

/** Result of `getConfig` and `reconfig`. */
export interface ConfigResult extends EnsembleConfig {
  /** The configuration as the server keeps it. */
  readonly text: string;
  readonly stat: Stat;
}

/** What `reconfig` changes: some members (`joining`, `leaving`), or all (`members`). */
export interface ReconfigChange {
  /** Servers that join, or that change: `server.4=host:2888:3888:participant;2181`. */
  readonly joining?: readonly string[] | undefined;
  /** Numbers of servers that leave. */
  readonly leaving?: readonly number[] | undefined;
  /** All servers of the new configuration, in the form of `joining`. Not together with the other two. */
  readonly members?: readonly string[] | undefined;
  /** Version of the configuration that is to be changed; if it is another one, BadVersionError. Default: any. */
  readonly fromConfig?: bigint | undefined;
}

/** Where every ensemble keeps its configuration, whatever the chroot. */
const CONFIG_PATH = '/zookeeper/config';
const ANY_CONFIG = -1n;

/** What can be asked of the session's server and its ensemble. */
export abstract class EnsembleCalls {
  /** @internal */
  protected abstract readonly caller: Caller;

  /**
   * Paths of the ephemeral nodes of this session, in no particular order. Server 3.6.
   * @param prefix the beginning of the paths, also in the middle of a name: `/a` is that of `/ab` too
   * @throws UnsupportedError
   */
  getEphemerals(prefix = '/', options?: CallOptions): Promise<readonly string[]> {
    return rejecting(() => {
      const { caller } = this;
      return caller.issue({
        row: operations.getEphemerals,
        path: prefix,
        request: { prefixPath: caller.toServer(prefix, 'prefix', 'getEphemerals') },
        shape: (r: GetEphemeralsResponse) => r.ephemerals.map((path) => caller.toClient(path)),
        options: checkCallOptions(options, 'getEphemerals', prefix),
      });
    });
  }

  /**
   * How many nodes there are below a node, on all levels (the operation is called getAllChildrenNumber). Server 3.6.
   * @throws NoNodeError, NoAuthError, UnsupportedError
   */
  countDescendants(path: string, options?: CallOptions): Promise<number> {
    return rejecting(() => {
      const request = { path: this.caller.toServer(path, 'node', 'getAllChildrenNumber') };
      return this.caller.issue({
        row: operations.getAllChildrenNumber,
        path,
        request,
        shape: (r: GetAllChildrenNumberResponse) => r.totalNumber,
        options: checkCallOptions(options, 'getAllChildrenNumber', path),
      });
    });
  }

  /** The identities of this connection, in no particular order; `ip` is always one. Server 3.7. @throws UnsupportedError */
  whoAmI(options?: CallOptions): Promise<readonly Identity[]> {
    return rejecting(() =>
      this.caller.issue({
        row: operations.whoAmI,
        request: {},
        shape: ({ clientInfo }: WhoAmIResponse): Identity[] =>
          clientInfo.map(({ authScheme, user }) => ({ scheme: authScheme, user })),
        options: checkCallOptions(options, 'whoAmI'),
      }),
    );
  }

  /**
   * Does the server have a watch of this type, on exactly this path, for this connection? A diagnosis: which watches the
   * Conn counts on it knows itself. Before 3.9 a server also says yes to those of other connections, and takes a watch that
   * stays for one of each type that it knows. Server 3.5; the types `Persistent` and `PersistentRecursive` need 3.9.
   * @throws UnsupportedError
   */
  checkWatches(path: string, type: WatcherType, options?: CallOptions): Promise<boolean> {
    return rejecting(() => {
      const request = {
        path: this.caller.toServer(path, 'node', 'checkWatches'),
        type: WatcherTypeCode[checkType(type, 'checkWatches', path)],
      };
      const checked = checkCallOptions(options, 'checkWatches', path);
      return this.caller
        .issue({ row: operations.checkWatches, path, request, shape: () => true, options: checked })
        .catch((error: unknown) => {
          if (error instanceof NoWatcherError) return false;
          throw asUnsupportedType(error, type, 'checkWatches', path);
        });
    });
  }

  /**
   * Takes the watches of this type, on exactly this path, off the server, and ends those of this Conn: `Watch.event`
   * rejects with WatchClosedError, iterations end. This is about everybody who uses the Conn; who has the watch or the
   * stream in hand closes that. Other types stay: if a persistent watch of ours is on the path, those of `Data` and
   * `Children` end here, and stay on the server unheard, since before 3.9 the persistent one would go with them.
   * If the server refuses, nothing ends. Server 3.5; the types `Persistent` and `PersistentRecursive` need 3.9.
   * @throws NoWatcherError if neither the server nor this Conn has one, UnsupportedError
   */
  removeWatches(path: string, type: WatcherType, options?: CallOptions): Promise<void> {
    return rejecting(() => {
      const { caller } = this;
      const serverPath = caller.toServer(path, 'node', 'removeWatches');
      const checked = checkCallOptions(options, 'removeWatches', path);
      const removal = caller.removal(serverPath, checkType(type, 'removeWatches', path));
      const { row, request } = removal;
      const shape = (): void => {
        if (removal.found) return;
        throw keeperError(Errno.NoWatcher, { op: 'removeWatches', path, outcome: 'rejected' });
      };
      return caller
        .issue({ row, path, request, shape, removal, options: checked })
        .catch((error: unknown) => {
          throw asUnsupportedType(error, type, 'removeWatches', path);
        });
    });
  }

  /** The configuration of the ensemble. A server by itself has an empty one. Server 3.5. @throws NoNodeError, NoAuthError */
  getConfig(options?: CallOptions): Promise<ConfigResult> {
    return rejecting(() =>
      this.caller.unrooted().read(operations.getData, CONFIG_PATH, configResult, options),
    );
  }

  /** {@link getConfig} with a watch for the next change of it. Its path is the server's, `/zookeeper/config`. */
  getConfigW(options?: CallOptions): Promise<ConfigResult & Watched> {
    return rejecting(() =>
      this.caller
        .unrooted()
        .watch(
          operations.getData,
          CONFIG_PATH,
          (response, watch: Watch) => ({ ...configResult(response), watch }),
          options,
        ),
    );
  }

  /**
   * Changes the servers of the ensemble and gives the new configuration. Server 3.5, with `reconfigEnabled=true`; the
   * connection needs WRITE on `/zookeeper/config`, which at first nobody but the superuser has.
   * @throws ReconfigDisabledError, NoAuthError, BadVersionError, BadArgumentsError, ReconfigInProgressError,
   * NewConfigNoQuorumError, UnsupportedError (also from a server by itself)
   */
  reconfig(change: ReconfigChange, options?: CallOptions): Promise<ConfigResult> {
    return rejecting(() =>
      this.caller.issue({
        row: operations.reconfig,
        request: reconfigRequest(change),
        shape: configResult,
        options: checkCallOptions(options, 'reconfig'),
      }),
    );
  }
}

function configResult({ data, stat }: GetDataResponse): ConfigResult {
  const text = data?.toString('utf8') ?? '';
  return { ...parseConfig(text), text, stat };
}

function checkType(type: unknown, op: string, path: string): WatcherType {
  if (typeof type === 'string' && Object.hasOwn(WatcherTypeCode, type)) return type as WatcherType;
  throw new InvalidArgumentError(`type must be one of ${Object.keys(WatcherType).join(', ')}`, { op, path });
}

/** A server that does not know the type of watch finds the whole request unreadable. */
function asUnsupportedType(error: unknown, type: WatcherType, op: string, path: string): unknown {
  const isNew = type === 'Persistent' || type === 'PersistentRecursive';
  if (!isNew || !(error instanceof MarshallingError)) return error;
  return new UnsupportedError({ since: '3.9', needs: null }, { op, path, outcome: 'rejected', cause: error });
}

function reconfigRequest(change: ReconfigChange): ReconfigRequest {
  const refuse = (text: string): never => {
    throw new InvalidArgumentError(text, { op: 'reconfig' });
  };
  const given = asObject(change, 'the change of reconfig');
  refuseUnknownKeys(given, ['joining', 'leaving', 'members', 'fromConfig'], 'key of reconfig');
  const { joining, leaving, members, fromConfig = ANY_CONFIG } = given;
  const list = (
    key: string,
    value: unknown,
    isGood: (entry: unknown) => boolean,
    what: string,
  ): string | null => {
    if (value === undefined) return null;
    if (Array.isArray(value) && value.length > 0 && value.every(isGood)) return value.join(',');
    return refuse(`${key} must be a list of at least one ${what}`);
  };
  if (members !== undefined && (joining !== undefined || leaving !== undefined)) {
    refuse('members stands for all servers, so joining and leaving cannot stand beside it');
  }
  if (members === undefined && joining === undefined && leaving === undefined) {
    refuse('one of joining, leaving and members must be given');
  }
  if (typeof fromConfig !== 'bigint')
    return refuse('fromConfig must be the version of a configuration, a bigint');
  const server = 'server such as server.4=host:2888:3888;2181';
  return {
    joiningServers: list('joining', joining, isServer, server),
    leavingServers: list('leaving', leaving, isServerId, "server's number"),
    newMembers: list('members', members, isServer, server),
    curConfigId: BigInt.asIntN(64, fromConfig),
  };
}

const isServer = (entry: unknown): boolean =>
  typeof entry === 'string' && /^server\.\d+=[^\s,=]+$/.test(entry);

const isServerId = (entry: unknown): boolean => Number.isInteger(entry) && (entry as number) >= 0;
