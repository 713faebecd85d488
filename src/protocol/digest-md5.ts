/**
 * SASL DIGEST-MD5 (RFC 2831) as far as ZooKeeper servers speak it: authentication alone, no protection of what follows.
 * Pure computation, for both ends; who begins and what a failure means is decided elsewhere.
 */
import { createHash } from 'node:crypto';
import { DecodeError } from './errors.js';

/** Name of the mechanism. */
export const DIGEST_MD5 = 'DIGEST-MD5';

/** What a server offers. */
export interface DigestChallenge {
  readonly realms: readonly string[];
  readonly nonce: string;
  /** Are names in UTF-8? Else in ISO 8859-1. */
  readonly utf8: boolean;
  /** Kinds of protection offered; `auth` alone if the server names none. */
  readonly qop: readonly string[];
}

/** What a client answers. */
export interface DigestResponse {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly cnonce: string;
  /** Count of the nonce's uses, eight hexadecimal digits. */
  readonly nc: string;
  readonly digestUri: string;
  readonly qop: string;
  readonly utf8: boolean;
  /** The proof: 32 hexadecimal digits. */
  readonly response: string;
}

/** What the proofs of both ends are made of. */
export interface DigestInput extends Omit<DigestResponse, 'response'> {
  readonly password: string;
}

/** The count for a nonce that is used once, as ours all are. */
export const FIRST_USE = '00000001';

const QOP_AUTH = 'auth';
const ALGORITHM = 'md5-sess';

/** The client's proof that it knows the password. */
export function clientProof(input: DigestInput): string {
  return proof(input, 'AUTHENTICATE');
}

/** The server's proof that it knows it too (`rspauth`). */
export function serverProof(input: DigestInput): string {
  return proof(input, '');
}

function proof(input: DigestInput, method: string): string {
  const { username, realm, password, nonce, cnonce, nc, qop, digestUri, utf8 } = input;
  const name = (text: string): Buffer => bytesOf(text, utf8);
  const secret = md5([hashable(username), ':', name(realm), ':', hashable(password)]);
  const a1 = md5([secret, ':', name(nonce), ':', name(cnonce)]).toString('hex');
  const a2 = md5([method, ':', name(digestUri)]).toString('hex');
  return md5([a1, ':', name(nonce), ':', nc, ':', name(cnonce), ':', qop, ':', a2]).toString('hex');
}

function md5(parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** RFC 2831, 2.1.2.1: a name that ISO 8859-1 can hold is hashed in it, whatever charset it is sent in. */
function hashable(text: string): Buffer {
  return bytesOf(text, !isLatin1(text));
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}

function bytesOf(text: string, utf8: boolean): Buffer {
  return Buffer.from(text, utf8 ? 'utf8' : 'latin1');
}

// ---------------------------------------------------------------- messages

/** @throws {@link DecodeError} if it is no challenge of DIGEST-MD5 */
export function readChallenge(token: Uint8Array): DigestChallenge {
  const fields = readFields(token);
  const utf8 = isUtf8(fields);
  const algorithm = one(fields, 'algorithm');
  if (algorithm !== undefined && algorithm !== ALGORITHM) {
    throw new DecodeError(`DIGEST-MD5: the server wants another algorithm than ${ALGORITHM}`);
  }
  const qop = one(fields, 'qop');
  return {
    realms: (fields.get('realm') ?? []).map((raw) => textOf(raw, utf8)),
    nonce: textOf(needed(fields, 'nonce'), utf8),
    utf8,
    qop: qop === undefined ? [QOP_AUTH] : qop.split(/[\s,]+/).filter((word) => word !== ''),
  };
}

/** A challenge as Java's servers send it. */
export function writeChallenge(realm: string, nonce: string): Buffer {
  return Buffer.from(
    `realm=${quoted(realm)},nonce=${quoted(nonce)},charset=utf-8,algorithm=${ALGORITHM}`,
    'utf8',
  );
}

/** @throws {@link DecodeError} if it is no answer of DIGEST-MD5 */
export function readResponse(token: Uint8Array): DigestResponse {
  const fields = readFields(token);
  const utf8 = isUtf8(fields);
  const text = (key: string): string => textOf(needed(fields, key), utf8);
  return {
    username: text('username'),
    realm: textOf(one(fields, 'realm') ?? '', utf8),
    nonce: text('nonce'),
    cnonce: text('cnonce'),
    nc: text('nc'),
    digestUri: text('digest-uri'),
    qop: one(fields, 'qop') ?? QOP_AUTH,
    utf8,
    response: text('response'),
  };
}

export function writeResponse(r: DigestResponse): Buffer {
  const text =
    (r.utf8 ? 'charset=utf-8,' : '') +
    `username=${quoted(r.username)},realm=${quoted(r.realm)},nonce=${quoted(r.nonce)},nc=${r.nc},` +
    `cnonce=${quoted(r.cnonce)},digest-uri=${quoted(r.digestUri)},response=${r.response},qop=${r.qop}`;
  return bytesOf(text, r.utf8);
}

/** The server's proof in its last message. @throws {@link DecodeError} if there is none */
export function readServerProof(token: Uint8Array): string {
  return needed(readFields(token), 'rspauth');
}

export function writeServerProof(rspauth: string): Buffer {
  return Buffer.from(`rspauth=${rspauth}`, 'latin1');
}

/** Values by key, each char of them one byte. */
type Fields = ReadonlyMap<string, readonly string[]>;

/** `key=value` or `key="value"` in which a backslash takes the next char as it is. */
const FIELD = /[\s,]*([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\[^])*)"|([^\s",]*))\s*(?:,|$)/y;

function readFields(token: Uint8Array): Fields {
  const text = Buffer.from(token.buffer, token.byteOffset, token.byteLength).toString('latin1');
  const fields = new Map<string, string[]>();
  FIELD.lastIndex = 0;
  let end = 0;
  while (end < text.length) {
    const found = FIELD.exec(text);
    // never the text itself: it may hold what must not be logged
    if (found === null) throw new DecodeError(`DIGEST-MD5: the message makes no sense at byte ${end}`);
    end = FIELD.lastIndex;
    const [, name = '', inQuotes, bare = ''] = found;
    const key = name.toLowerCase();
    const value = inQuotes?.replace(/\\([^])/g, '$1') ?? bare;
    fields.set(key, [...(fields.get(key) ?? []), value]);
  }
  FIELD.lastIndex = 0;
  return fields;
}

function one(fields: Fields, key: string): string | undefined {
  const values = fields.get(key) ?? [];
  if (values.length > 1) throw new DecodeError(`DIGEST-MD5: the message has ${key} more than once`);
  return values[0];
}

function needed(fields: Fields, key: string): string {
  const value = one(fields, key);
  if (value === undefined || value === '') throw new DecodeError(`DIGEST-MD5: the message has no ${key}`);
  return value;
}

function isUtf8(fields: Fields): boolean {
  return one(fields, 'charset')?.toLowerCase() === 'utf-8';
}

function textOf(raw: string, utf8: boolean): string {
  return utf8 ? Buffer.from(raw, 'latin1').toString('utf8') : raw;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
