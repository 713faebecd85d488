/** What is not in index.ts cannot be reached by name. */
import { FrameDecoder } from 'zk-conn'; // TS2305
import { RequestQueue } from 'zk-conn'; // TS2305
import { MiniServer } from 'zk-conn'; // TS2305
import { Conn } from 'zk-conn/testing'; // TS2305
import zk from 'zk-conn'; // TS1192

export type All = [FrameDecoder, RequestQueue, MiniServer, Conn, typeof zk];
