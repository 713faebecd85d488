/**
 * The floor: a bare socket that writes requests that were encoded before, with a number put into each, in one write a turn,
 * and does nothing with the answers but count them. No client can compute less for a call; another may wait less for the other side.
 * With `oneByOne` it hands each request to the socket by itself, corked for a turn: the plain floor, for comparison.
 */
import * as net from 'node:net';
import { once } from 'node:events';
import { HELLO, request } from '../lib/wire.mjs';

/** Requests that are longer are not copied. */
const LARGE = 64 * 1024;

export async function open({ port, cell, path, data, oneByOne = false }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.write(HELLO);
  await once(socket, 'data');
  const one = request(cell.op, { path, data, ops: cell.ops });
  let xid = 0;
  const uncork = () => socket.uncork();
  /** A buffer for each write: the socket keeps it until it is written. */
  const free = [];
  const makeSlab = () => {
    const bytes = Buffer.alloc(one.length * cell.depth);
    const slab = { bytes, view: new DataView(bytes.buffer), done: () => free.push(slab) };
    return slab;
  };
  const write = (count) => {
    if (one.length > LARGE) {
      // nobody looks at the number, and a copy of so much would be no floor
      for (let i = 0; i < count; i++) socket.write(one);
      return;
    }
    const slab = free.pop() ?? makeSlab();
    for (let i = 0, at = 0; i < count; i++, at += one.length) {
      slab.bytes.set(one, at);
      slab.view.setInt32(at + 4, (xid = (xid + 1) & 0x7fffffff));
    }
    if (oneByOne) {
      socket.cork();
      const end = count * one.length;
      for (let at = 0; at < end; at += one.length) {
        socket.write(
          slab.bytes.subarray(at, at + one.length),
          at + one.length === end ? slab.done : undefined,
        );
      }
      process.nextTick(uncork);
    } else {
      socket.write(slab.bytes.subarray(0, count * one.length), slab.done);
    }
  };

  /** Bytes of an answer that are still to come, or of its length prefix, if `inPrefix`. */
  let left = 0;
  let prefix = 0;
  let prefixBytes = 0;
  /** How many answers end in this chunk. */
  const count = (chunk) => {
    let ended = 0;
    let at = 0;
    const end = chunk.length;
    while (at < end) {
      if (left > 0) {
        const here = Math.min(left, end - at);
        left -= here;
        at += here;
        if (left === 0) ended++;
      } else if (prefixBytes === 0 && end - at >= 4) {
        left = chunk.readInt32BE(at);
        at += 4;
      } else {
        prefix = (prefix << 8) | chunk[at++];
        if (++prefixBytes === 4) {
          left = prefix;
          prefix = 0;
          prefixBytes = 0;
        }
      }
    }
    return ended;
  };

  return {
    run: (state) =>
      new Promise((resolve) => {
        let underWay = cell.depth;
        const since = [];
        const onData = (chunk) => {
          const ended = count(chunk);
          if (ended === 0) return;
          state.ops += ended;
          if (state.sample !== null) {
            const now = performance.now();
            for (let n = ended; n > 0;) {
              const here = Math.min(n, since[0][0]);
              for (let i = 0; i < here; i++) state.sample(now - since[0][1]);
              since[0][0] -= here;
              n -= here;
              if (since[0][0] === 0) since.shift();
            }
          }
          underWay -= ended;
          if (state.ops >= state.limit) state.running = false;
          if (state.running) {
            underWay += ended;
            write(ended);
            if (state.sample !== null) since.push([ended, performance.now()]);
          } else if (underWay === 0) {
            socket.off('data', onData);
            resolve();
          }
        };
        socket.on('data', onData);
        if (state.sample !== null) since.push([underWay, performance.now()]);
        write(cell.depth);
      }),
    close: () => socket.destroy(),
  };
}
