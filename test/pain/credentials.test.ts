/** Credentials that are given, and judged, in the wrong moment. */
import { describe, expect, it } from 'vitest';
import { AuthFailedError } from '../../src/index.js';
import { Errno } from '../../src/protocol/error-codes.js';
import { ScriptedServer, rejectionOf, settle, watchOutcome } from '../support/scripted-server.js';

describe('credentials', () => {
  it('given while the connection comes back are neither lost nor sent twice [H2]', async () => {
    for (const when of ['dialing', 'handshaking', 'again'] as const) {
      const server = new ScriptedServer();
      const conn = await server.connected();
      await server.link.fail();
      if (when === 'handshaking') await server.link.connect();
      const adding = conn.addAuth('digest', 'ann:1');
      const waiting = rejectionOf(conn.get('/a'));
      await settle();
      if (when !== 'handshaking') await server.link.connect();
      await server.link.accept();
      await settle();
      expect(server.link.take().map(({ op }) => op.name)).toEqual(['auth', 'getData']);
      if (when === 'again') {
        // lost before the answer: presented once more, and the promise goes on
        await server.link.fail();
        await server.link.welcome();
        expect(server.link.take().map(({ op }) => op.name)).toEqual(['auth']);
      }
      const auth = server.link.requests.find(({ op }) => op.name === 'auth')!;
      // the same one, given once more while it is on its way
      const outcomes = [adding, conn.addAuth('digest', 'ann:1')].map((promise) => watchOutcome(promise));
      await settle();
      expect([server.link.take(), outcomes.map(({ current }) => current)]).toEqual([
        [],
        [undefined, undefined],
      ]);
      await server.link.answer(auth, {});
      expect(outcomes.map(({ current }) => current)).toEqual([{ value: undefined }, { value: undefined }]);
      await server.close(conn);
      await waiting;
    }
  });
});

describe('the word of the server', () => {
  it('that comes while the Conn is closed, or not at all, does not keep close waiting [H3]', async () => {
    const server = new ScriptedServer();
    const conn = await server.connected();
    const adding = rejectionOf(conn.addAuth('digest', 'ann:1'));
    await settle();
    const auth = server.link.takeOne();
    const closing = conn.close();
    await settle();
    await server.link.refuse(auth, Errno.AuthFailed);
    expect(await adding).toBeInstanceOf(AuthFailedError);
    expect(await closing).toEqual({ confirmed: false });
    expect(server.clock.timers).toBe(0);
  });
});
