/** Writes data whether the node is there or not. */
import { InvalidArgumentError, NoNodeError, NodeExistsError } from '../protocol/errors.js';
import type { Stat } from '../protocol/records.js';
import { checkCreate, type CallOptions, type CreateOptions, type ZnodeData } from './arguments.js';

/** The calls that are needed here. */
export interface UpsertCalls {
  create(path: string, data?: ZnodeData, options?: CreateOptions & CallOptions): Promise<string>;
  set(path: string, data: ZnodeData, version?: number, options?: CallOptions): Promise<Stat>;
}

/** @throws InvalidArgumentError, InvalidOptionError unless a node of one certain name can be created so */
export function checkCreateOrSet(create: CreateOptions, path: string): void {
  const { mode = 'PERSISTENT' } = create;
  checkCreate(create, 'createOrSet', path);
  if (!mode.includes('SEQUENTIAL')) return;
  const text = 'a sequential node has a new name each time: there is none to set';
  throw new InvalidArgumentError(text, { op: 'createOrSet', path });
}

/** See `Conn.createOrSet`. */
export async function createOrSet(
  conn: UpsertCalls,
  path: string,
  data: ZnodeData,
  create: CreateOptions,
  options: () => CallOptions,
): Promise<boolean> {
  // others may create and delete it between the two
  for (;;) {
    try {
      await conn.set(path, data, undefined, options());
      return false;
    } catch (error) {
      if (!(error instanceof NoNodeError)) throw error;
    }
    try {
      await conn.create(path, data, { ...create, ...options() });
      return true;
    } catch (error) {
      if (!(error instanceof NodeExistsError)) throw error;
    }
  }
}
