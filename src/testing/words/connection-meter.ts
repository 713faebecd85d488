/** Counts for the words what comes and goes on one connection: for the connection, and for its server. */
import type { FrameMeter } from '../frame-writer.js';
import type { ServerState } from '../server-state.js';
import { packetsOf } from './four-letter-words.js';
import { NEW_SESSION } from './operation-letters.js';
import { ConnectionStats } from './server-stats.js';

/** Bytes of a word. */
const WORD_BYTES = 4;

export class ConnectionMeter implements FrameMeter {
  readonly stats = new ConnectionStats();
  /** When something came in last, by the clock's `now()`. */
  heardAt: number;
  /** Was it asked a word? Then it is not listened to any more. */
  asksWord = false;

  constructor(private readonly state: ServerState) {
    this.heardAt = state.clock.now();
  }

  /** Whole ms of the clock. */
  millis(): number {
    return Math.floor(this.state.clock.now());
  }

  /** @param bytes its length included */
  packetReceived(bytes: number): void {
    const { clock, stats } = this.state;
    this.heardAt = clock.now();
    this.stats.received++;
    stats.packetReceived(bytes);
  }

  wordReceived(): void {
    this.packetReceived(WORD_BYTES);
    // where there is TLS, connections are served by another part of a real server, which goes on to listen
    this.asksWord = this.state.options.tls === undefined;
  }

  wordAnswered(answer: string): void {
    const packets = packetsOf(answer);
    this.state.stats.sent += packets;
    this.stats.sent += packets;
  }

  frameWritten(bytes: number, isReply: boolean): void {
    const { stats } = this.state;
    stats.sent++;
    this.stats.sent++;
    if (isReply) stats.responded(bytes);
  }

  /** A new session is a request like any other. */
  sessionOpened(startedAt: number): void {
    const { stats, lastZxid } = this.state;
    const endedAt = this.millis();
    stats.counters.prep_processor_request_queued++;
    stats.processed(endedAt - startedAt, true);
    this.stats.processed({ operation: NEW_SESSION, xid: 0, zxid: lastZxid, startedAt, endedAt });
  }

  /** The client has closed without having closed its session. */
  dropped(): void {
    this.state.stats.counters.connection_drop_count++;
  }
}
