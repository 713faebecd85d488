/**
 * A server that does no work: it answers every request of a type with the same bytes, and only the xid is put in. So it
 * is faster than any client, and what is measured is the client. A process of its own; it tells its port to its parent.
 *
 *     node responder.mjs '{"data":100,"children":10,"ops":10}'
 *
 * With `events`, a sync sets off so many events before it is answered, each of another path.
 */
import * as net from 'node:net';
import { OP, WELCOME, event, reply } from './wire.mjs';

const parameters = JSON.parse(process.argv[2] ?? '{}');
/** So many bytes of answers leave in one write, at the most. */
const SLAB_BYTES = 128 * 1024;

/** Buffers for answers: the socket keeps one until it is written. */
class Slabs {
  free = [];

  constructor(bytes) {
    this.bytes = bytes;
  }

  take() {
    const slab = this.free.pop();
    if (slab !== undefined) return slab;
    const bytes = Buffer.alloc(this.bytes);
    const fresh = { bytes, view: new DataView(bytes.buffer), done: () => this.free.push(fresh) };
    return fresh;
  }
}

const answers = new Map();
function answerTo(type) {
  let answer = answers.get(type);
  if (answer === undefined) answers.set(type, (answer = reply(type, parameters)));
  return answer;
}

/** Each holds at least one answer: an answer that is longer than all before makes new ones. */
let slabs = new Slabs(SLAB_BYTES);

const events =
  parameters.events === undefined
    ? null
    : Buffer.concat(
        Array.from({ length: parameters.events }, (_, i) => event(`/w/n-${String(i).padStart(10, '0')}`)),
      );

class Client {
  greeted = false;
  /** Bytes of a request that are still to come and of no interest. */
  skip = 0;
  /** The beginning of a request, too short to say what it is. */
  rest = Buffer.alloc(0);
  type = 0;
  one = null;
  slab = null;
  filled = 0;

  constructor(socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.read(chunk));
    socket.on('error', () => undefined);
  }

  read(chunk) {
    let buf = chunk;
    let at = 0;
    if (this.skip > 0) {
      at = Math.min(this.skip, buf.length);
      this.skip -= at;
    }
    if (this.rest.length > 0) {
      buf = Buffer.concat([this.rest, at === 0 ? buf : buf.subarray(at)]);
      this.rest = Buffer.alloc(0);
      at = 0;
    }
    const end = buf.length;
    while (end - at >= 12) {
      const length = buf.readInt32BE(at);
      if (this.greeted) this.answer(buf.readInt32BE(at + 4), buf.readInt32BE(at + 8));
      else this.greet();
      at += 4 + length;
    }
    if (at > end) this.skip = at - end;
    else if (at < end) this.rest = Buffer.from(buf.subarray(at));
    this.flush();
  }

  greet() {
    this.greeted = true;
    this.socket.write(WELCOME);
  }

  answer(xid, type) {
    if (type !== this.type) {
      this.type = type;
      this.one = answerTo(type);
      if (this.one.length > slabs.bytes) {
        this.flush();
        slabs = new Slabs(this.one.length);
      }
    }
    if (type === OP.sync && events !== null) {
      this.flush();
      this.socket.write(events);
    }
    const { one } = this;
    if (this.slab !== null && this.filled + one.length > this.slab.bytes.length) this.flush();
    this.slab ??= slabs.take();
    this.slab.bytes.set(one, this.filled);
    this.slab.view.setInt32(this.filled + 4, xid);
    this.filled += one.length;
    if (type === OP.closeSession) {
      this.flush();
      this.socket.end();
    }
  }

  flush() {
    const { slab, filled } = this;
    if (slab === null) return;
    this.slab = null;
    this.filled = 0;
    this.socket.write(slab.bytes.subarray(0, filled), slab.done);
  }
}

const server = net.createServer((socket) => new Client(socket));
server.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ result: user + system });
});
process.on('disconnect', () => process.exit());
