/** The command `zk-mini-server`, without the process around it. */
import { InvalidOptionError } from '../protocol/errors.js';
import { DataError, loadData, saveData } from './cli-data.js';
import { CallError, HELP, parseFlags, serverOptions, type Flags } from './cli-flags.js';
import { writeFrames } from './cli-log.js';
import { ListenError } from './errors.js';
import { MiniServer } from './mini-server.js';

/** What the command needs of the process it runs in. */
export interface CliHost {
  readonly version: string;
  out(text: string): void;
  err(text: string): void;
  /** Resolves when the command is asked to end (SIGTERM, SIGINT). Called once the server listens. */
  stopped(): Promise<void>;
}

/** Exit codes. */
export const EXIT = { OK: 0, FAILED: 1, USAGE: 2 } as const;

/** Runs the command to its end. @returns the exit code */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  try {
    const flags = parseFlags(argv);
    if (flags.help === true) host.out(HELP);
    else if (flags.version === true) host.out(`${host.version}\n`);
    else await serve(flags, host);
    return EXIT.OK;
  } catch (error) {
    if (error instanceof CallError || error instanceof InvalidOptionError) {
      host.err(`zk-mini-server: ${error.message}\n`);
      return EXIT.USAGE;
    }
    if (error instanceof ListenError || error instanceof DataError) {
      host.err(`zk-mini-server: ${error.message}\n`);
      return EXIT.FAILED;
    }
    throw error;
  }
}

async function serve(flags: Flags, host: CliHost): Promise<void> {
  const options = await serverOptions(flags, (text) => host.err(`zk-mini-server: note: ${text}\n`));
  const { data } = flags;
  const snapshot = data === undefined ? undefined : await loadData(data);
  const server = await MiniServer.start({ ...options, snapshot });
  try {
    const stopped = host.stopped();
    const { securePort } = server;
    const more =
      securePort === null || securePort === server.port ? '' : `, with TLS on ${server.host}:${securePort}`;
    host.out(`zk-mini-server listening on ${server.host}:${server.port}${more}\n`);
    if (options.log === true) writeFrames(server.log, (text) => host.out(text));
    await stopped;
  } finally {
    await server.close();
  }
  if (data !== undefined) await saveData(data, server.snapshot());
}
