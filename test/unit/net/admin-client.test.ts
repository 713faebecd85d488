import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { adminCommand } from '../../../src/index.js';
import {
  CommandRefusedError,
  DecodeError,
  InvalidArgumentError,
  InvalidOptionError,
  LinkError,
  NotServingError,
  RequestTimeoutError,
  TlsError,
} from '../../../src/protocol/errors.js';
import { makeCertificates } from '../../support/certificates.js';

type Play = (request: IncomingMessage, response: ServerResponse) => void;

const servers: Server[] = [];
const seen: IncomingMessage[] = [];

afterEach(async () => {
  seen.length = 0;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(play: Play, tls?: { key: string; cert: string }): Promise<string> {
  const listener: Play = (request, response) => {
    seen.push(request);
    play(request, response);
  };
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
}

const saying =
  (text: string, status = 200): Play =>
  (_request, response) =>
    response.writeHead(status).end(text);

/** As a 3.9.3 wrote it. */
const CONNECTIONS = `{
  "connections" : [ {
    "remote_socket_address" : "127.0.0.1:46720", "interest_ops" : 1, "outstanding_requests" : 0,
    "packets_received" : 3, "packets_sent" : 3, "session_id" : 72058374436749314, "last_operation" : "GETD",
    "established" : 1795234167462, "session_timeout" : 30000, "last_cxid" : 2, "last_zxid" : 7,
    "avg_latency" : 2.5
  } ],
  "secure_connections" : [ ], "command" : "connections", "error" : null
}`;

describe('an answer', () => {
  it('keeps all the digits of ids', async () => {
    const url = await serve(saying(CONNECTIONS));
    const { connections } = await adminCommand(url, 'connections');
    expect(connections[0]).toMatchObject({
      session_id: 72058374436749314n,
      last_zxid: 7n,
      last_cxid: 2n,
      established: 1795234167462,
      avg_latency: 2.5,
    });
  });

  it('keeps them in lists, and as texts', async () => {
    const url = await serve(
      saying('{"path_to_session_ids":{"/e":[72058374436749314]},"a":"1 \\" 72058374436749314","b":-1e3}'),
    );
    expect(await adminCommand(url, 'watches_by_path')).toEqual({
      path_to_session_ids: { '/e': [72058374436749314n] },
      a: '1 " 72058374436749314',
      b: -1000,
    });
  });

  it('comes to the command that was asked for, with its parameters and credentials', async () => {
    const url = await serve(saying('{}'));
    await adminCommand(url, 'snapshot', { params: { streaming: 'false' }, auth: 'digest super:test' });
    await adminCommand(`${url}/zk/commands/`, 'ruok');
    expect(seen.map(({ method, url: path }) => `${method ?? ''} ${path ?? ''}`)).toEqual([
      'GET /commands/snapshot?streaming=false',
      'GET /zk/commands/ruok',
    ]);
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['digest super:test', undefined]);
  });

  it('comes over https too, from a server that can be trusted', async () => {
    using made = makeCertificates();
    const url = await serve(saying('{"read_only":true}'), made.server);
    expect(await adminCommand(url, 'is_read_only', { ca: made.ca })).toEqual({ read_only: true });
    await expect(adminCommand(url, 'ruok')).rejects.toBeInstanceOf(TlsError);
  });
});

describe('no answer:', () => {
  it.each([
    ['an unknown command', '{"command":"x","error":"Unknown command: x"}', 200, /^ruok: Unknown command: x$/],
    ['no credentials', '{"error":"Auth info is missing for the command"}', 401, /Auth info is missing/],
    ['no such path', '<html>', 404, /^ruok: the admin server answered 404$/],
  ])('%s', async (_what, text, status, message) => {
    const url = await serve(saying(text, status));
    const error: unknown = await adminCommand(url, 'ruok').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CommandRefusedError);
    expect(error).toMatchObject({ status, op: 'ruok', outcome: 'rejected' });
    expect((error as Error).message).toMatch(message);
  });

  it.each([
    ['{"error":"This ZooKeeper instance is not currently serving requests"}', 200],
    ['', 503],
  ])('a server that serves nobody: %j %i', async (text, status) => {
    const url = await serve(saying(text, status));
    await expect(adminCommand(url, 'monitor')).rejects.toBeInstanceOf(NotServingError);
  });

  it.each(['', 'imok', '[1]', 'null', '{"a":'])('no JSON object: %j', async (text) => {
    const url = await serve(saying(text));
    await expect(adminCommand(url, 'ruok')).rejects.toBeInstanceOf(DecodeError);
  });

  it('too long', async () => {
    const url = await serve(saying(`{"a":"${'x'.repeat(100)}"}`));
    const asked = adminCommand(url, 'ruok', { maxReplyBytes: 100 });
    await expect(asked).rejects.toThrow(/longer than 100 bytes/);
    await adminCommand(url, 'ruok', { maxReplyBytes: 200 });
  });

  it('nothing at all, or half of it, in time', async () => {
    for (const play of [() => undefined, (_: unknown, r: ServerResponse) => void r.write('{')] as Play[]) {
      const url = await serve(play);
      const asked = adminCommand(url, 'ruok', { timeoutMs: 30 });
      await expect(asked).rejects.toBeInstanceOf(RequestTimeoutError);
    }
  });

  it('cut off', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => response.destroy());
    });
    await expect(adminCommand(url, 'ruok')).rejects.toBeInstanceOf(LinkError);
  });

  it('given up', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const url = await serve(() => controller.abort(reason));
    const { signal } = controller;
    await expect(adminCommand(url, 'ruok', { signal })).rejects.toBe(reason);
    await expect(adminCommand(url, 'ruok', { signal })).rejects.toBe(reason);
    expect(seen).toHaveLength(1);
  });

  it('nobody there', async () => {
    const url = await serve(saying('{}'));
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await expect(adminCommand(url, 'ruok')).rejects.toThrow(/^127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  });
});

describe('a command is refused', () => {
  it.each([
    ['a URL that is none', InvalidArgumentError, ['localhost', 'ruok']],
    ['another protocol', InvalidArgumentError, ['ftp://localhost', 'ruok']],
    ['a name that is none', InvalidArgumentError, ['http://localhost', '../x']],
    ['an unknown option', InvalidOptionError, ['http://localhost', 'ruok', { timeout: 1 }]],
    ['a time that is none', InvalidOptionError, ['http://localhost', 'ruok', { timeoutMs: 0 }]],
    ['a limit that is none', InvalidOptionError, ['http://localhost', 'ruok', { maxReplyBytes: 0 }]],
    ['a signal that is none', InvalidOptionError, ['http://localhost', 'ruok', { signal: {} }]],
    ['a header of two lines', InvalidOptionError, ['http://localhost', 'ruok', { auth: 'a\nb' }]],
  ])('for %s', async (_what, type, args) => {
    const ask = adminCommand as (...args: unknown[]) => Promise<unknown>;
    await expect(ask(...args)).rejects.toBeInstanceOf(type);
  });
});

it('credentials are in no error', async () => {
  const url = await serve(saying('{"error":"no"}', 401));
  const auth = 'digest super:secret4711';
  const refused: unknown = await adminCommand(url, 'ruok', { auth }).catch((e: unknown) => e);
  const cut = await serve((request) => request.destroy());
  const broken: unknown = await adminCommand(cut, 'ruok', { auth }).catch((e: unknown) => e);
  for (const error of [refused, broken]) {
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain('4711');
  }
});
