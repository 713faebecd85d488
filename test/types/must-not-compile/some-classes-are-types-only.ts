/** A Watch and a Transaction are given, not made, and the insides of a Conn are not shown. */
import * as zk from 'zk-conn';

export const isWatch = (value: unknown): boolean => value instanceof zk.Watch; // TS2339
export const isTransaction = (value: unknown): boolean => value instanceof zk.Transaction; // TS2339
export const isBase = (value: unknown): boolean => value instanceof zk.ZnodeCalls; // TS2339
export const inside = (conn: zk.Conn): unknown => conn.driver; // TS2341
