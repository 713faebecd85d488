/** What there is when a play begins, and what there is at its end. */
import type { Conn } from '../../../src/index.js';
import { untilDone, untilSo } from '../../support/until-done.js';
import type { RegisterState } from '../checkers/history.js';
import { REGISTERS, STAGE } from './players.js';

/** Makes the folders and registers, however often the connection is lost meanwhile. */
export async function setStage(conn: Conn): Promise<ReadonlyMap<string, RegisterState>> {
  const initial = new Map<string, RegisterState>();
  for (const path of STAGE) {
    const value = `first of ${path}`;
    await untilSo(() => conn.create(path, value));
    const stat = await untilDone(() => conn.exists(path));
    if (REGISTERS.includes(path)) initial.set(path, { value, version: 0, zxid: stat!.mzxid });
  }
  return initial;
}

/** What is there when everything is mended and nobody writes any more. */
export interface Ending {
  readonly registers: ReadonlyMap<string, RegisterState>;
  /** Members of the set and the zxids of their creation. */
  readonly members: ReadonlyMap<string, bigint>;
  readonly names: readonly number[];
}

/** Reads it, on a connection that is up to date. */
export async function readEnding(conn: Conn): Promise<Ending> {
  await conn.sync('/');
  const registers = await Promise.all(
    REGISTERS.map(async (key) => {
      const { data, stat } = await conn.get(key);
      return [key, { value: String(data), version: stat.version, zxid: stat.mzxid }] as const;
    }),
  );
  const { children } = await conn.children('/set');
  const members = await Promise.all(
    children.map(async (name) => [name, (await conn.exists(`/set/${name}`))!.czxid] as const),
  );
  const names = (await conn.children('/names')).children.map((name) => Number(name.slice(-10)));
  return { registers: new Map(registers), members: new Map(members), names };
}
