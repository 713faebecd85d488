/** From the arguments of the command to options of a mini-server. */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { MiniServerOptions } from './options.js';
import type { MiniServerTls } from './secure-listener.js';
import {
  configOptions,
  hasEffect,
  parseProperties,
  parseProperty,
  propertyOptions,
  type Properties,
} from './zoo-cfg.js';

export const HELP = `Usage: zk-mini-server [--port N] [--host H] [--data FILE] [--tls FILE] [--log frames] [more]

A ZooKeeper server for tests: standalone, answering as ZooKeeper 3.9.3 does.

  -p, --port N              port to listen on, 0 for a free one (default 2181, or clientPort of the zoo.cfg)
      --host H              address to listen on, * for all (default 127.0.0.1, or clientPortAddress of the zoo.cfg)
      --data FILE           a snapshot (JSON): its nodes are loaded if it is there, and it is written at the end,
                            without ephemeral nodes and sessions (default: nothing is on disk)
      --tls FILE            speak TLS, with the certificate in this PEM file
      --tls-key FILE        its key (default: in the same file)
      --tls-ca FILE         clients must show a certificate that one in this PEM file has signed
      --secure-port N       port for TLS, 0 for a free one; the other is plain then (default: TLS on the only port)
      --log frames          write a line for every frame to standard output
      --emulate SERVER      be like 3.9, 3.8 or 3.4 of ZooKeeper, or keeper, ClickHouse Keeper (default 3.9)
  -c, --config FILE         a zoo.cfg; with it, defaults are those of a real server
  -D, --property KEY=VALUE  a system property of a real server, with or without "zookeeper." before it:
                            extendedTypesEnabled, 4lw.commands.whitelist, jute.maxbuffer,
                            znode.container.checkIntervalMs, enforceQuota, superUser, reconfigEnabled,
                            znode.container.maxNeverUsedIntervalMs, X509AuthenticationProvider.superUser,
                            DigestAuthenticationProvider.superDigest
  -h, --help                this text
  -v, --version             the version

Read from the zoo.cfg: clientPort, clientPortAddress, tickTime, minSessionTimeout, maxSessionTimeout, maxClientCnxns, and
the properties above. Everything else a real server knows is passed over.

It ends at SIGTERM, SIGINT or SIGHUP. Exit codes: 0 in the end; 1 if it cannot listen, or not write its data; 2 for a wrong
flag, value or file.
`;

/** What the command was called with. */
export interface Flags {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly data?: string | undefined;
  readonly tls?: string | undefined;
  readonly 'tls-key'?: string | undefined;
  readonly 'tls-ca'?: string | undefined;
  readonly 'secure-port'?: string | undefined;
  readonly log?: string | undefined;
  readonly emulate?: string | undefined;
  readonly config?: string | undefined;
  readonly property?: string[] | undefined;
  readonly help?: boolean | undefined;
  readonly version?: boolean | undefined;
}

/** A mistake of the one who called, told in one line. */
export class CallError extends Error {}

/** @throws CallError */
export function parseFlags(argv: readonly string[]): Flags {
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        port: { type: 'string', short: 'p' },
        host: { type: 'string' },
        data: { type: 'string' },
        tls: { type: 'string' },
        'tls-key': { type: 'string' },
        'tls-ca': { type: 'string' },
        'secure-port': { type: 'string' },
        log: { type: 'string' },
        emulate: { type: 'string' },
        config: { type: 'string', short: 'c' },
        property: { type: 'string', short: 'D', multiple: true },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    }).values;
  } catch (error) {
    const [text = ''] = firstLine(error).split(/\. /, 1);
    throw new CallError(`${text.replace(/\.$/, '')}; see --help`);
  }
}

/**
 * Flags win over properties given as flags, and those over the file.
 * @param note is told what has no effect
 * @throws CallError, InvalidOptionError
 */
export async function serverOptions(flags: Flags, note: (text: string) => void): Promise<MiniServerOptions> {
  const given = new Map((flags.property ?? []).map(parseProperty));
  const isFile = flags.config !== undefined;
  for (const key of given.keys()) {
    if (!hasEffect(key, isFile))
      note(`-D ${key}: it has no effect here${isFile ? '' : ', or not without --config'}`);
  }
  const base = flags.config === undefined ? DEFAULTS : await fileOptions(flags.config, given, note);
  const options = { ...base, ...propertyOptions(given) };
  if (flags.host !== undefined) options.host = flags.host;
  if (flags.port !== undefined) options.port = portNumber('--port', flags.port);
  const { 'secure-port': securePort } = flags;
  if (securePort !== undefined) options.securePort = portNumber('--secure-port', securePort);
  if (flags.emulate !== undefined) options.emulate = flags.emulate as MiniServerOptions['emulate'];
  if (flags.log !== undefined) {
    options.log = isFrames(flags.log);
    // they are written when they come, and nobody asks for them later
    options.logCapacity = 1;
  }
  options.tls = await tlsOptions(flags);
  return options;
}

const DEFAULTS: MiniServerOptions = { port: 2181 };

type Writable = { -readonly [K in keyof MiniServerOptions]: MiniServerOptions[K] };

async function fileOptions(path: string, given: Properties, note: (text: string) => void): Promise<Writable> {
  const properties = parseProperties(await read(path));
  const { options, notes } = configOptions(new Map([...properties, ...given]));
  for (const each of notes) note(each);
  return { ...options, port: options.port ?? 2181 };
}

async function tlsOptions(flags: Flags): Promise<MiniServerTls | undefined> {
  const { tls, 'tls-key': keyFile, 'tls-ca': caFile, 'secure-port': securePort } = flags;
  if (tls === undefined) {
    if (keyFile !== undefined || caFile !== undefined || securePort !== undefined) {
      throw new CallError('--tls-key, --tls-ca and --secure-port need --tls, the file with the certificate');
    }
    return undefined;
  }
  const cert = await read(tls);
  const key = keyFile === undefined ? cert : await read(keyFile);
  return caFile === undefined ? { cert, key } : { cert, key, ca: await read(caFile), requestCert: true };
}

function portNumber(flag: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new CallError(`${flag} must be a number from 0 to 65535, not ${text}`);
  }
  return Number(text);
}

function isFrames(text: string): true {
  if (text !== 'frames') throw new CallError(`--log must be frames, not ${text}`);
  return true;
}

/** @throws CallError */
export async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CallError(`cannot read ${path}: ${firstLine(error)}`);
  }
}

/** What an error says, in one line. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] as string;
}
