/** The command `zk-mini-server`, without the process around it. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { InvalidOptionError } from '../protocol/errors.js';
import { ListenError } from './errors.js';
import { MiniServer } from './mini-server.js';
import type { MiniServerOptions } from './options.js';
import {
  configOptions,
  parseProperties,
  parseProperty,
  propertyOptions,
  type Properties,
} from './zoo-cfg.js';

/** What the command needs of the process it runs in. */
export interface CliHost {
  readonly version: string;
  out(text: string): void;
  err(text: string): void;
  /** Resolves when the command is asked to end (SIGTERM, SIGINT). Called once the server listens. */
  stopped(): Promise<void>;
}

/** Exit codes. */
export const EXIT = { OK: 0, CANNOT_LISTEN: 1, USAGE: 2 } as const;

const HELP = `Usage: zk-mini-server [--port N] [--host H] [--config zoo.cfg] [--property key=value]...

A ZooKeeper server for tests: standalone, in memory, answering as ZooKeeper 3.9.3 does.

  -p, --port N              port to listen on, 0 for a free one (default 2181, or clientPort of the file)
      --host H              address to listen on, * for all (default 127.0.0.1, or clientPortAddress of the file)
  -c, --config FILE         a zoo.cfg; with it, defaults are those of a real server
  -D, --property KEY=VALUE  a system property of a real server, with or without "zookeeper." before it:
                            extendedTypesEnabled, 4lw.commands.whitelist, jute.maxbuffer,
                            znode.container.checkIntervalMs, enforceQuota,
                            DigestAuthenticationProvider.superDigest
  -h, --help                this text
  -v, --version             the version

Read from the file: clientPort, clientPortAddress, tickTime, minSessionTimeout, maxSessionTimeout, maxClientCnxns, and
the properties above. Everything else a real server knows is passed over.
`;

interface Flags {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly config?: string | undefined;
  readonly property?: string[] | undefined;
  readonly help?: boolean | undefined;
  readonly version?: boolean | undefined;
}

/** A mistake of the one who called, told in one line. */
class CallError extends Error {}

/** Runs the command to its end. @returns the exit code */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  try {
    const flags = parseFlags(argv);
    if (flags.help === true) host.out(HELP);
    else if (flags.version === true) host.out(`${host.version}\n`);
    else await serve(await serverOptions(flags, host), host);
    return EXIT.OK;
  } catch (error) {
    if (error instanceof CallError || error instanceof InvalidOptionError) {
      host.err(`zk-mini-server: ${error.message}\n`);
      return EXIT.USAGE;
    }
    if (error instanceof ListenError) {
      host.err(`zk-mini-server: ${error.message}\n`);
      return EXIT.CANNOT_LISTEN;
    }
    throw error;
  }
}

async function serve(options: MiniServerOptions, host: CliHost): Promise<void> {
  const server = await MiniServer.start(options);
  try {
    const stopped = host.stopped();
    host.out(`zk-mini-server listening on ${server.host}:${server.port}\n`);
    await stopped;
  } finally {
    await server.close();
  }
}

function parseFlags(argv: readonly string[]): Flags {
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string', short: 'p' },
        host: { type: 'string' },
        config: { type: 'string', short: 'c' },
        property: { type: 'string', short: 'D', multiple: true },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    }).values;
  } catch (error) {
    throw new CallError(firstLine((error as Error).message));
  }
}

/** Flags win over properties given as flags, and those over the file. */
async function serverOptions(flags: Flags, host: CliHost): Promise<MiniServerOptions> {
  const given = new Map((flags.property ?? []).map(parseProperty));
  const base = flags.config === undefined ? DEFAULTS : await fileOptions(flags.config, given, host);
  const options = { ...base, ...propertyOptions(given) };
  if (flags.host !== undefined) options.host = flags.host;
  if (flags.port !== undefined) options.port = portNumber(flags.port);
  return options;
}

const DEFAULTS: MiniServerOptions = { port: 2181 };

async function fileOptions(path: string, given: Properties, host: CliHost): Promise<Writable> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new CallError(`cannot read ${path}: ${firstLine((error as Error).message)}`);
  }
  const { options, notes } = configOptions(new Map([...parseProperties(text), ...given]));
  for (const note of notes) host.err(`zk-mini-server: note: ${note}\n`);
  return { ...options, port: options.port ?? 2181 };
}

type Writable = { -readonly [K in keyof MiniServerOptions]: MiniServerOptions[K] };

function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new CallError(`--port must be a number from 0 to 65535, not ${text}`);
  }
  return Number(text);
}

const firstLine = (text: string): string => text.split('\n', 1)[0] as string;
