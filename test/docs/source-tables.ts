/** The tables of the docs, made from the tables of the source. */
import { readFileSync } from 'node:fs';
import { OPTION_TABLE } from '../../src/client/options.js';
import * as api from '../../src/index.js';
import { ERROR_CODES, errorName } from '../../src/protocol/error-codes.js';
import { keeperError, type Outcome } from '../../src/protocol/errors.js';
import type { AnyOp } from '../../src/protocol/op.js';
import { operations } from '../../src/protocol/operations.js';
import { DIFFERENCES, EMULATIONS, type Difference } from '../../src/testing/release.js';
import { docsPath, pathOf } from './pages.js';

/** Markdown of the table in each page that has one, by page. */
export const SOURCE_TABLES: Readonly<Record<string, () => string>> = {
  [docsPath('operations.md')]: operationsTable,
  [docsPath('errors.md')]: errorsTable,
  [docsPath('options.md')]: optionsTable,
  [docsPath('testing.md')]: miniServerOptionsTable,
  [docsPath('admin.md')]: fourLetterWordsTable,
  [docsPath('server-differences.md')]: differencesTable,
  [docsPath('faults.md')]: faultsTable,
};

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string): string => `\`${text}\``;

// ---------------------------------------------------------------- differences between servers

function differencesTable(): string {
  const rows = Object.values<Difference>(DIFFERENCES).map(({ what, why, of }) => [
    what,
    ...EMULATIONS.map((each) => (of.includes(each) ? 'yes' : '–')),
    why,
  ]);
  return table(['what', ...EMULATIONS.map((each) => code(each)), 'why'], rows);
}

// ---------------------------------------------------------------- operations

function operationsTable(): string {
  const rows = Object.values(operations).map((row: AnyOp) => [
    code(row.name),
    String(row.code),
    row.since,
    row.use,
    yes(row.mutates),
    yes(row.readOnlyOk),
    row.inMulti ?? '–',
    row.throws.length === 0 ? '–' : row.throws.map(code).join(', '),
  ]);
  return table(
    ['name', 'opcode', 'since', 'issued by', 'mutates', 'read-only ok', 'in multi', 'errors'],
    rows,
  );
}

const yes = (flag: boolean): string => (flag ? 'yes' : 'no');

// ---------------------------------------------------------------- errors

const FAMILIES = [
  'KeeperError',
  'ConnectionError',
  'SessionError',
  'ProtocolError',
  'CommandError',
  'UsageError',
] as const;

/** One of each class that has no row in the error table, and the outcomes that it occurs with. */
const unsent = { outcome: 'not-sent' } as const;
const OWN: readonly (readonly [error: api.ZkError, outcomes: readonly Outcome[]])[] = [
  [new api.UnsupportedError({ since: '3.6', needs: null }, { outcome: 'rejected' }), ['rejected']],
  [new api.ConnectionLossError({ outcome: 'unknown' }), ['not-sent', 'unknown']],
  [new api.NoServerError(''), ['not-sent']],
  [new api.LinkError('', new Error('')), ['unknown']],
  [new api.TlsError('', ''), ['unknown']],
  [new api.ConnectTimeoutError(''), ['not-sent']],
  [new api.RequestTimeoutError({ outcome: 'unknown' }), ['not-sent', 'unknown']],
  [new api.QueueFullError('', unsent), ['not-sent']],
  [new api.SaslError(''), ['not-sent']],
  [new api.ReadTimeoutError(0), ['unknown']],
  [new api.SessionExpiredError(unsent), ['rejected', 'not-sent', 'unknown']],
  [new api.SessionMovedError({ outcome: 'rejected' }), ['rejected']],
  [new api.AuthFailedError(unsent), ['rejected', 'not-sent', 'unknown']],
  [new api.ConnClosedError(unsent), ['not-sent', 'unknown']],
  [new api.WatchClosedError(unsent), ['not-sent']],
  [new api.DecodeError(''), ['unknown']],
  [new api.FrameTooLargeError(0, 0), ['unknown']],
  [new api.ResponseTooLargeError(0, 0, { outcome: 'unknown' }), ['unknown']],
  [new api.XidMismatchError(0, 0), ['unknown']],
  [new api.HandshakeError(''), ['not-sent']],
  [new api.CommandRefusedError('', ''), ['rejected']],
  [new api.NotServingError(''), ['rejected']],
  [new api.InvalidPathError(''), ['not-sent']],
  [new api.InvalidArgumentError(''), ['not-sent']],
  [new api.InvalidOptionError(''), ['not-sent']],
  [new api.InvalidConnectStringError(''), ['not-sent']],
  [new api.RequestTooLargeError(0, 0), ['not-sent']],
];

/** Every exported error class but the root and the families. */
export function errorClassNames(): readonly string[] {
  return Object.entries(api)
    .filter(([name, value]) => isErrorClass(value) && !['ZkError', ...FAMILIES].includes(name))
    .map(([name]) => name);
}

function isErrorClass(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof api.ZkError;
}

function errorsTable(): string {
  const comments = classComments();
  const own = new Set(OWN.map(([error]) => error.name));
  const fromServer = Object.values(ERROR_CODES)
    .map((row) => keeperError(row.errno, { outcome: 'rejected' }))
    .filter((error) => !own.has(error.name))
    .map((error) => [error, ['rejected']] as const);
  const rows = [...fromServer, ...OWN].map(([error, outcomes]) => [
    code(error.name),
    code(error.code),
    error.errno === undefined ? '–' : String(error.errno),
    familyOf(error),
    outcomes.map(code).join(', '),
    yes(error.retryable),
    commentOf(comments, error),
  ]);
  const multi = [
    code('MultiError'),
    'of the operation',
    'of the operation',
    'KeeperError',
    code('rejected'),
    'as that',
    comments.get('MultiError') ?? '',
  ];
  return table(
    ['class', 'code', 'errno', 'family', 'outcome', 'retryable', 'when'],
    [...rows, multi].sort((a, b) => order(a) - order(b)),
  );
}

/** By family; `sort` keeps the order within one. */
function order(row: readonly string[]): number {
  return (FAMILIES as readonly string[]).indexOf(row[3] ?? '');
}

function familyOf(error: api.ZkError): string {
  return FAMILIES.find((name) => error instanceof api[name]) ?? '?';
}

function commentOf(comments: ReadonlyMap<string, string>, error: api.ZkError): string {
  const comment = comments.get(error.name);
  if (comment === undefined) throw new Error(`${error.name} has no comment`);
  const name = error.errno === undefined ? undefined : errorName(error.errno);
  return name === undefined ? comment : comment.replace(/^-\d+: /, '');
}

/** What `errors.ts` says about each class. */
function classComments(): ReadonlyMap<string, string> {
  const text = readFileSync(pathOf('src/protocol/errors.ts'), 'utf8');
  const comments = new Map<string, string>();
  for (const [, comment, name] of text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport class (\w+)/g)) {
    comments.set(name!, plain(comment!));
  }
  return comments;
}

// ---------------------------------------------------------------- options

function optionsTable(): string {
  const comments = memberComments('src/client/options.ts', 'ConnOptions');
  const rows = Object.entries(OPTION_TABLE).map(([key, row]) => [
    code(key),
    defaultOf(key, row.default),
    boundsOf(row),
    comments.get(key) ?? '?',
  ]);
  return table(['option', 'default', 'must be', 'meaning'], rows);
}

/** Defaults that depend on others; their row says null. */
const DERIVED: Readonly<Record<string, string>> = {
  connectTimeoutMs: 'session timeout / servers, at most a third',
  loopLagMs: 'session timeout / 10',
  requestTimeoutMs: 'the negotiated session timeout',
  hostProvider: '`RoundRobinHostProvider`',
  tls: 'none',
  dialer: '`tcpDialer`',
  clock: 'the monotonic clock',
  random: '`Math.random`',
};

function defaultOf(key: string, value: unknown): string {
  const derived = DERIVED[key];
  if (derived !== undefined) return derived;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return code(String(value));
  if (typeof value === 'string') return value === '' ? 'none' : code(`'${value}'`);
  if (value === null || Array.isArray(value)) return 'none';
  return Object.entries(value as object)
    .filter(([part]) => part !== 'enabled')
    .map(([part, number]) => `${code(part)} ${String(number)}`)
    .join(', ');
}

/** The bounds, in the words with which the option refuses nonsense. */
function boundsOf(row: {
  readonly default: unknown;
  readonly type: string;
  readonly check: (value: unknown) => unknown;
}): string {
  const parts =
    typeof row.default === 'object' && row.default !== null && !Array.isArray(row.default)
      ? Object.entries(row.default).filter(([, value]) => typeof value === 'number')
      : [];
  if (parts.length > 0) {
    const bounds = parts.map(
      ([part]) => `${code(part)}: ${refusalOf(row.check, { [part]: 'nonsense' }, part)}`,
    );
    return [code(row.type), ...bounds].join('; ');
  }
  const refusal = refusalOf(row.check, Symbol.for('nonsense'));
  return refusal === 'a function' || refusal === 'an object' ? `a ${code(row.type)}` : refusal;
}

function refusalOf(check: (value: unknown) => unknown, nonsense: unknown, part = ''): string {
  try {
    check(nonsense);
  } catch (error) {
    const text = (error as Error).message.replace(part, '').trim();
    const bounds = /^(?:\w+ )?must be (.*), not .*$/.exec(text)?.[1];
    if (bounds !== undefined) return bounds.replaceAll(/'[^']+'/g, (word) => code(word));
  }
  throw new Error(`no bounds in the refusal of ${String(nonsense)}`);
}

function miniServerOptionsTable(): string {
  const comments = memberComments('src/testing/options.ts', 'MiniServerOptions');
  return table(
    ['option', 'meaning'],
    [...comments].map(([key, comment]) => [code(key), comment]),
  );
}

function fourLetterWordsTable(): string {
  const comments = memberComments('src/protocol/words.ts', 'FourLetterWordResults');
  return table(
    ['word', 'answer'],
    [...comments].map(([word, comment]) => [code(word), comment]),
  );
}

/** Everything that a test can do to a server or a connection, in the order of the page. */
const KNOBS: readonly (readonly [
  what: string,
  file: string,
  declaration: string,
  methods?: readonly string[],
])[] = [
  ['rule', 'rule-builder.ts', 'interface FrameActions'],
  ['rule on requests', 'rule-builder.ts', 'interface RequestActions'],
  ['rule on handshakes', 'rule-builder.ts', 'interface HandshakeActions'],
  ['rule on the way to the client', 'rule-builder.ts', 'interface DeliveryActions'],
  ['condition', 'fault-target.ts', 'abstract class FaultTarget', ['pause', 'blackhole', 'lag', 'refuse']],
  ['condition of a mini-server', '../mini-server.ts', 'class MiniServer', ['readOnly']],
  [
    'verb of a mini-server',
    '../mini-server.ts',
    'class MiniServer',
    ['expireSession', 'moveSession', 'wipe', 'jumpZxid', 'dropConnections'],
  ],
  ['verb of a proxy', 'fault-proxy.ts', 'class FaultProxy', ['dropConnections']],
];

function faultsTable(): string {
  const rows = KNOBS.flatMap(([what, file, declaration, methods]) => {
    const comments = methodComments(`src/testing/faults/${file}`, declaration);
    const missing = methods?.filter((name) => !comments.has(name)) ?? [];
    if (missing.length > 0) throw new Error(`${declaration} has no ${missing.join()}`);
    return [...comments]
      .filter(([name]) => methods === undefined || methods.includes(name))
      .map(([, { call, comment }]) => [what, code(call), comment]);
  });
  return table(['what', 'call', 'meaning'], rows);
}

/** What the source says about each method of an interface or a class, up to the first tag. */
function methodComments(
  file: string,
  declaration: string,
): ReadonlyMap<string, { readonly call: string; readonly comment: string }> {
  const text = readFileSync(pathOf(file), 'utf8');
  const body = new RegExp(`export ${declaration}\\b[^{]*\\{([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? '';
  const methods = new Map<string, { readonly call: string; readonly comment: string }>();
  for (const [, comment, name, parameters] of body.matchAll(
    /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*(\w+)\(((?:\([^)]*\)|[^()])*)\)/g,
  )) {
    const names = [...parameters!.matchAll(/(\w+\??)(?=: )(?![^(]*\))/g)].map(([each]) => each);
    methods.set(name!, {
      call: `${name!}(${names.join(', ')})`,
      comment: plain(comment!.replace(/@(?:param|returns|throws)[\s\S]*$/, '').replace(/\s*\*?\s*$/, '')),
    });
  }
  return methods;
}

/** What the source says about each member of an interface. */
function memberComments(file: string, name: string): ReadonlyMap<string, string> {
  const text = readFileSync(pathOf(file), 'utf8');
  const body = new RegExp(`export interface ${name} \\{([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? '';
  const comments = new Map<string, string>();
  for (const [, comment, key] of body.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+)\??:/g)) {
    comments.set(key!, plain(comment!));
  }
  return comments;
}

/** A comment as one line of Markdown. */
function plain(comment: string): string {
  return comment
    .replaceAll(/\n\s*\* ?/g, ' ')
    .replaceAll(/\{@link (?:\w+\.)?(\w+)\}/g, '`$1`')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
