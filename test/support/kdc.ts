/** A Kerberos realm of its own, with one user, on loopback. Needs Debian's krb5-kdc, krb5-admin-server, krb5-user. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { freePorts } from './zookeeper-process.js';

export const REALM = 'TEST';
const TOOLS = ['/usr/sbin/krb5kdc', '/usr/sbin/kdb5_util', '/usr/sbin/kadmin.local', '/usr/bin/kinit'];

export interface Kdc {
  /** The krb5.conf that leads to it. */
  readonly config: string;
  /** Holds the ticket of the user `bob`. */
  readonly cache: string;
  /** Holds the key of `zookeeper/localhost`. */
  readonly keytab: string;
  stop(): Promise<void>;
}

/** What is missing to start one, or null. */
export function missingForKdc(): string | null {
  return TOOLS.find((tool) => !existsSync(tool)) ?? null;
}

/** Starts it, makes the principals and gets the ticket. */
export async function startKdc(): Promise<Kdc> {
  const folder = mkdtempSync(path.join(tmpdir(), 'zk-conn-kdc-'));
  const at = (name: string): string => path.join(folder, name);
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port ?? 0}`;
  const env = {
    ...process.env,
    KRB5_CONFIG: at('krb5.conf'),
    KRB5_KDC_PROFILE: at('kdc.conf'),
    KRB5CCNAME: at('cache'),
  };
  writeFileSync(
    env.KRB5_CONFIG,
    `[libdefaults]
 default_realm = ${REALM}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 ${REALM} = {
  kdc = ${address}
 }
[domain_realm]
 localhost = ${REALM}
`,
  );
  writeFileSync(
    env.KRB5_KDC_PROFILE,
    `[kdcdefaults]
 kdc_listen = ${address}
 kdc_tcp_listen = ${address}
[realms]
 ${REALM} = {
  database_name = ${at('principal')}
  key_stash_file = ${at('stash')}
  acl_file = ${at('acl')}
 }
`,
  );
  const run = (tool: string, args: readonly string[], input?: string): void => {
    execFileSync(tool, args, { env, input: input ?? '', stdio: ['pipe', 'ignore', 'ignore'] });
  };
  const admin = (query: string): void => run('/usr/sbin/kadmin.local', ['-r', REALM, '-q', query]);
  run('/usr/sbin/kdb5_util', ['create', '-s', '-r', REALM, '-P', 'master']);
  admin('addprinc -pw pw bob');
  admin('addprinc -randkey zookeeper/localhost');
  admin(`ktadd -k ${at('keytab')} zookeeper/localhost`);
  const kdc = spawn('/usr/sbin/krb5kdc', ['-n'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const gone = once(kdc, 'exit');
  await listening(kdc.stderr);
  run('/usr/bin/kinit', ['bob'], 'pw\n');
  return {
    config: env.KRB5_CONFIG,
    cache: env.KRB5CCNAME,
    keytab: at('keytab'),
    stop: async () => {
      kdc.kill();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** It says so when it serves. */
function listening(output: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    output.on('data', (chunk: Buffer) => {
      text += String(chunk);
      if (text.includes('starting...')) resolve();
    });
    output.on('end', () => reject(new Error(`krb5kdc: ${text}`)));
  });
}
