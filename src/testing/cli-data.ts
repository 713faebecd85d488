/** The file of the flag `--data`: a snapshot that is read at the start and written at the end. */
import { constants } from 'node:fs';
import { access, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CallError, firstLine, read } from './cli-flags.js';
import { SnapshotError } from './errors.js';
import { parseSnapshot } from './snapshot-reader.js';
import type { Snapshot } from './snapshot.js';

/** The data could not be written. */
export class DataError extends Error {}

/**
 * What is in the file; `undefined` if there is none yet. Also looks whether one could be written there: at the end it would
 * be too late.
 * @throws CallError
 */
export async function loadData(path: string): Promise<Snapshot | undefined> {
  if (path === '') throw new CallError('--data must be the name of a file, and it is empty');
  try {
    await access(dirname(await targetOf(path)), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new CallError(`cannot write to the folder of ${path}: ${firstLine(error)}`);
  }
  if ((await modeOf(path)) === undefined) return undefined;
  const text = await read(path);
  try {
    const snapshot = JSON.parse(text) as Snapshot;
    parseSnapshot(snapshot, 0);
    return snapshot;
  } catch (error) {
    if (error instanceof SyntaxError) throw new CallError(`${path} is no JSON: ${firstLine(error)}`);
    if (error instanceof SnapshotError) throw new CallError(`${path}: ${error.message}`);
    throw error;
  }
}

/**
 * Writes the file whole or not at all: nobody ever sees half of it, and what was there stays until then.
 * @throws DataError
 */
export async function saveData(path: string, snapshot: Snapshot): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = await targetOf(path);
    const mode = (await modeOf(target)) ?? PRIVATE;
    temporary = `${target}.${process.pid}.tmp`;
    await rm(temporary, { force: true });
    // a new one, so that nobody has it open who may not read the file
    const file = await open(temporary, 'wx', PRIVATE);
    try {
      await file.chmod(mode);
      await file.writeFile(`${JSON.stringify(snapshot, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined);
    throw new DataError(`cannot write ${path}: ${firstLine(error)}`);
  }
}

/** Nobody else may read a file that was not there: data can be secret, and digests of passwords are in ACLs. */
const PRIVATE = 0o600;

/** Where the file is, or would be: a link stays one, also one to a file that is not there yet. */
async function targetOf(path: string): Promise<string> {
  for (let at = resolve(path); ;) {
    try {
      return await realpath(at);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const folder = await realpath(dirname(at));
    try {
      at = resolve(folder, await readlink(at));
    } catch {
      return at;
    }
  }
}

/** Who may do what with the file; `undefined` if there is none. */
async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new CallError(`cannot read ${path}: ${firstLine(error)}`);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
