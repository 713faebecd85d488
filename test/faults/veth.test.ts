/**
 * A link that is really taken down: clients in one network namespace, servers in another, a pair of veth devices between
 * them. Unlike with a proxy nobody closes or resets anything: packets go nowhere, and only silence tells.
 */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { SEED } from '../support/property.js';
import { checked, injected, requested, SCALE } from '../support/tally.js';
import { findZooKeeper, RELEASES } from '../support/zookeeper-jars.js';
import { Chance, seedOf } from './chance.js';
import { Recorder } from './histories/recorder.js';
import { judge } from './histories/verdict.js';
import type { Said } from './veth/child.js';
import { ADDRESSES, VethLink } from './veth/link.js';
import { buildChild, Peer } from './veth/peer.js';

/** One release a run: rounds with other seeds take the other one. */
const VERSION = RELEASES[SEED % RELEASES.length]!;
const LIMIT = { timeout: 180_000 + 60_000 * SCALE };
/** Silence is noticed after two thirds of it; what is left is for the way back, on a machine however busy. */
const LONG_MS = 24_000;
/** Over, by the server's clock and by the client's own, before the other one has noticed anything. */
const SHORT_MS = 9_000;
const PLAYERS_MS = 4_000;
/** Calls that must have settled before the next trouble, so that there is something to lose. */
const CALLS_BETWEEN = 40;

interface Subject {
  readonly name: string;
  /** From the client's end. */
  readonly far: string;
  /** From the server's own end. */
  readonly local: string;
}

const link = await VethLink.open();
const title = 'a veth link';

if ('missing' in link) {
  process.stdout.write(`skipped: ${title}: ${link.missing}\n`);
  test.skip(`${title}: ${link.missing}`, () => undefined);
} else {
  describe(title, () => {
    const subjects: Subject[] = [];
    let folder: string;
    let clients: Peer;
    let servers: Peer;

    function subject(name: string, port: number): void {
      subjects.push({ name, far: `${ADDRESSES.far}:${port}`, local: `127.0.0.1:${port}` });
    }

    beforeAll(async () => {
      folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zk-conn-veth-'));
      const file = await buildChild(folder);
      clients = Peer.start(link, 'near', file);
      servers = Peer.start(link, 'far', file);
      subject('mini-server', await servers.do('mini', 500));
      const found = process.env['ZK_REAL'] === '0' ? { missing: 'ZK_REAL=0' } : findZooKeeper(VERSION);
      if (!('missing' in found)) subject(`ZooKeeper ${VERSION}`, await servers.do('real', VERSION));
      else if (process.env['ZK_REQUIRED'] === '1') throw new Error(`ZK_REQUIRED=1, but ${found.missing}`);
      else process.stdout.write(`skipped: ${title} to a real server: ${found.missing}\n`);
      for (const { name, local } of subjects) await servers.do('connect', name, local, 60_000);
    });

    afterAll(async () => {
      await Promise.all([clients.kill(), servers.kill()]);
      await link.close();
      fs.rmSync(folder, { recursive: true, force: true });
    });

    const each = <T>(what: (at: Subject) => Promise<T>): Promise<T[]> => Promise.all(subjects.map(what));

    it('is down: that is noticed, one session survives it, another one is over', LIMIT, async () => {
      await each(async ({ name, far }) => {
        for (const path of ['/in-flight', '/queued', '/too-late', '/watched', '/below'])
          await servers.do('create', name, path);
        await clients.do('connect', `${name}, long`, far, LONG_MS);
        await clients.do('connect', `${name}, short`, far, SHORT_MS);
        await clients.do('create', `${name}, long`, '/own-long', 'EPHEMERAL');
        await clients.do('create', `${name}, short`, '/own-short', 'EPHEMERAL');
        await clients.do('watch', `${name}, long`, '/watched', '/below');
        const before = await clients.do('set', `${name}, long`, '/in-flight', 'acknowledged');
        expect(before).toEqual({ outcome: 'ok' });
      });
      const session = await each(({ name }) => servers.do('owner', name, '/own-long'));
      const queued = each(({ name }) =>
        clients.do('setWhenDisconnected', `${name}, long`, '/queued', 'queued'),
      );
      const tooLate = each(({ name }) =>
        clients.do('setWhenDisconnected', `${name}, short`, '/too-late', 'never'),
      );

      await link.down('near');
      const inFlight = each(({ name }) => clients.do('set', `${name}, long`, '/in-flight', 'in flight'));
      await each(async ({ name }) => {
        await servers.do('set', name, '/watched', 'meanwhile');
        await servers.do('create', name, '/below/meanwhile');
        // the server's clock, then that of the client itself
        await servers.do('gone', name, '/own-short');
        await clients.tells(
          ({ conn, what, name: state }) =>
            conn === `${name}, short` && what === 'connection' && state === 'LOST',
        );
      });
      injected('session expired', subjects.length);
      const ended = await inFlight;
      expect(ended.map(({ outcome }) => outcome)).toEqual(subjects.map(() => 'unknown'));
      const expired = { outcome: 'not-sent', code: 'ZK_SESSION_EXPIRED' };
      expect(await tooLate).toEqual(subjects.map(() => expired));
      await link.up('near');

      expect(await queued).toEqual(subjects.map(() => ({ outcome: 'ok' })));
      await each(({ name }) => clients.do('sync', `${name}, short`));
      for (const [i, { name }] of subjects.entries()) {
        const states = (conn: string): string[] =>
          clients
            .of(conn)
            .filter(({ what }) => what === 'connection')
            .map(({ name: state }) => state);
        expect(states(`${name}, long`)).not.toContain('LOST');
        expect(states(`${name}, long`).slice(-2)).toEqual(['SUSPENDED', 'RECONNECTED']);
        expect(states(`${name}, short`).slice(-2)).toEqual(['LOST', 'CONNECTED']);
        expect(await servers.do('owner', name, '/own-long')).toBe(session[i]);
        expect(await clients.do('epoch', `${name}, long`)).toBe(1);
        expect(await clients.do('epoch', `${name}, short`)).toBeGreaterThan(1);

        const late = await servers.do('data', name, '/too-late');
        checked('requests that crossed sessions', late === '' ? 0 : 1);
        expect(late).toBe('');
        const acknowledged = await servers.do('data', name, '/queued');
        checked('acknowledged writes lost', acknowledged === 'queued' ? 0 : 1);
        expect(acknowledged).toBe('queued');
        expect(['acknowledged', 'in flight']).toContain(await servers.do('data', name, '/in-flight'));
      }

      // what is told of this comes behind all that is told of what was before
      await each(async ({ name }) => {
        await servers.do('create', name, '/below/after');
        await clients.tells(
          ({ conn, what, path: where }: Said & { path?: string }) =>
            conn === `${name}, long` && what === 'stream' && where === '/below/after',
        );
        const heard = clients.of(`${name}, long`);
        const oneShots = heard.filter(({ what }) => what === 'one-shot');
        const items = heard
          .filter((said) => said.what === 'stream')
          .map((item) => `${item.name} ${item.path}`);
        const told = items.filter((item) => item.endsWith('/below/meanwhile')).length;
        const gaps = items.filter((item) => item.startsWith('gap')).length;
        checked('watches lost or doubled', Math.abs(oneShots.length - 1) + Math.max(0, told - 1));
        checked('unmarked gaps', told + gaps > 0 ? 0 : 1);
        expect(oneShots.map(({ name: type }) => type)).toEqual(['NodeDataChanged']);
        expect(told).toBeLessThanOrEqual(1);
        expect(told + gaps, items.join()).toBeGreaterThan(0);
        expect(items.filter((item) => item.endsWith('/below/after'))).toEqual(['NodeCreated /below/after']);
      });
      requested(subjects.length * 20);
    });

    it('goes down and up, loses its addresses and its packets, under clients at work', LIMIT, async () => {
      const chance = new Chance(seedOf(SEED, 0));
      const moment = (): Promise<void> => pause(chance.between(10, 400));
      const noticed = (): Promise<unknown> => each(({ name }) => clients.do('noticed', name));
      const troubles: (() => Promise<void>)[] = (['near', 'far'] as const).flatMap((end) => [
        async () => {
          await link.down(end);
          await moment();
          await link.up(end);
        },
        async () => {
          await link.down(end);
          await noticed();
          await link.up(end);
        },
        async () => {
          await link.removeAddress(end);
          await moment();
          await link.addAddress(end);
        },
        async () => {
          if (!(await link.narrow(end))) return;
          await moment();
          await link.widen(end);
        },
      ]);
      // whatever became of the test before
      await link.up('near');
      const initial = await each(({ name }) => servers.do('setStage', name));
      await each(({ name, far }) => clients.do('play', name, far, seedOf(SEED, 1), PLAYERS_MS));
      for (let round = 0; round < SCALE; round++) {
        for (const trouble of chance.shuffled(troubles)) {
          await each(({ name }) => clients.do('settled', name, CALLS_BETWEEN));
          await trouble();
          await each(({ name }) => clients.do('working', name));
        }
      }
      await each(({ name }) => clients.do('finish', name));
      for (const [i, { name }] of subjects.entries()) {
        const ending = await servers.do('readEnding', name);
        const record = Object.assign(new Recorder(), await clients.do('record', name));
        const problems = judge(record, {
          initial: initial[i]!,
          ending,
          freshReads: true,
          leases: false,
          deliveries: null,
        });
        expect(problems, `${name}, ZK_SEED=${SEED}`).toEqual([]);
        const calls = [...record.registers, ...record.adds, ...record.names];
        const count = (wanted: string): number => calls.filter(({ outcome }) => outcome === wanted).length;
        process.stdout.write(`${name}: ${JSON.stringify({ ok: count('ok'), unknown: count('unknown') })}\n`);
        expect(count('ok')).toBeGreaterThan(0);
        expect(count('unknown')).toBeGreaterThan(0);
      }
    });

    it('leaves nothing behind', LIMIT, async () => {
      const open = await clients.do('open');
      checked('promises hanging', open.length);
      expect(open).toEqual([]);
      await clients.do('close');
      await servers.do('close');
      const codes = [await clients.end(), await servers.end()];
      const others = link.inhabitants().length - 2;
      checked('leaked handles', others);
      expect(codes).toEqual([0, 0]);
      expect(others).toBe(0);
    });
  });
}
