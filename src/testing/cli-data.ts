/** The file of the flag `--data`: a snapshot that is read at the start and written at the end. */
import { constants } from 'node:fs';
import { access, open, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
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
  try {
    await access(dirname(path), constants.W_OK);
  } catch (error) {
    throw new CallError(`cannot write to the folder of ${path}: ${firstLine(error)}`);
  }
  try {
    await access(path);
  } catch {
    return undefined;
  }
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
  // a link stays one
  const target = await realpath(path).catch(() => path);
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(`${JSON.stringify(snapshot, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new DataError(`cannot write ${path}: ${firstLine(error)}`);
  }
}
