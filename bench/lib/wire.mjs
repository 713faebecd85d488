/** The few bytes of the protocol that the floor and the responder need; written out again here, so that nothing that is
 * measured is measured with itself. */

export const OP = {
  create: 1,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  sync: 9,
  getChildren2: 12,
  multi: 14,
  create2: 15,
  addWatch: 106,
  closeSession: -11,
};

/** A message with its length before it. */
export function frame(...parts) {
  const body = Buffer.concat(parts);
  return Buffer.concat([int(body.length), body]);
}

export function int(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function long(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

export function text(value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([int(bytes.length), bytes]);
}

export function bytes(value) {
  return Buffer.concat([int(value.length), value]);
}

export function bool(value) {
  return Buffer.from([value ? 1 : 0]);
}

/** A connect request for a new session. */
export const HELLO = frame(int(0), long(0), int(30_000), long(0), bytes(Buffer.alloc(16)), bool(false));

/** Its answer. */
export const WELCOME = frame(int(0), int(30_000), long(0x1234_5678), bytes(Buffer.alloc(16, 7)), bool(false));

/** A Stat of a node that lives. */
export function stat(dataLength, children) {
  const zxids = [long(0x1_0000_0017), long(0x1_0000_0a2b)];
  const times = [long(1_790_000_000_000), long(1_790_000_012_345)];
  const numbers = [int(7), int(3), int(0)];
  return Buffer.concat([
    ...zxids,
    ...times,
    ...numbers,
    long(0),
    int(dataLength),
    int(children),
    long(0x1_0000_0a2c),
  ]);
}

export function names(count) {
  return Array.from({ length: count }, (_, i) => `node-${String(i).padStart(10, '0')}`);
}

/** What to send of an operation, without header. */
export function requestBody(op, { path, data, ops }) {
  switch (op) {
    case 'get':
    case 'exists':
    case 'children':
      return Buffer.concat([text(path), bool(false)]);
    case 'set':
      return Buffer.concat([text(path), bytes(data), int(-1)]);
    case 'create':
      return Buffer.concat([text(path), bytes(data), int(1), int(31), text('world'), text('anyone'), int(2)]);
    case 'multi': {
      const header = (type, done) => Buffer.concat([int(type), bool(done), int(-1)]);
      const each = Buffer.concat([header(OP.setData, false), text(path), bytes(data), int(-1)]);
      return Buffer.concat([...Array.from({ length: ops }, () => each), header(-1, true)]);
    }
    default:
      throw new Error(`there is no request for ${op}`);
  }
}

/** The type in the header of each operation that is measured. */
export const TYPES = {
  get: OP.getData,
  exists: OP.exists,
  children: OP.getChildren2,
  set: OP.setData,
  create: OP.create,
  multi: OP.multi,
};

/** A whole request. */
export function request(op, parameters) {
  return frame(int(1), int(TYPES[op]), requestBody(op, parameters));
}

/** The answer to a type of request, with xid 0. */
export function reply(type, { data, children, ops }) {
  const head = [int(0), long(0x1_0000_0a2c), int(0)];
  const list = () => {
    const all = names(children);
    return Buffer.concat([int(all.length), ...all.map(text)]);
  };
  switch (type) {
    case OP.getData:
      return frame(...head, bytes(Buffer.alloc(data, 0x61)), stat(data, 0));
    case OP.exists:
    case OP.setData:
      return frame(...head, stat(data, 0));
    case OP.create:
      return frame(...head, text('/bench/create/n-0000000001'));
    case OP.create2:
      return frame(...head, text('/bench/create/n-0000000001'), stat(data, 0));
    case OP.getChildren:
      return frame(...head, list());
    case OP.getChildren2:
      return frame(...head, list(), stat(0, children));
    case OP.multi: {
      const header = (of, done, err) => Buffer.concat([int(of), bool(done), int(err)]);
      const each = Buffer.concat([header(OP.setData, false, 0), stat(data, 0)]);
      return frame(...head, ...Array.from({ length: ops }, () => each), header(-1, true, -1));
    }
    case OP.sync:
      return frame(...head, text('/w'));
    case OP.addWatch:
      return frame(...head, int(0));
    default:
      return frame(...head);
  }
}

/** The data of a node has changed. */
export function event(path) {
  return frame(int(-1), long(0x1_0000_0a2d), int(0), int(3), int(3), text(path));
}
