/**
 * Path rules (Java `PathUtils`), chroot arithmetic, and the parts of a path. A path that passes here is one that the
 * server accepts, and the other way round.
 */
import { InvalidPathError } from './errors.js';

/**
 * How an operation's path is checked before it is sent.
 * - `node`: a whole path.
 * - `sequential`: the server appends a number, so the path is checked with a digit at its end.
 * - `notRoot`: a whole path other than `/`, which under a chroot would mean the chroot itself.
 * - `prefix`: the beginning of paths; it may end in the middle of a name or with a slash.
 */
export type PathRule = 'node' | 'sequential' | 'notRoot' | 'prefix';

/** @throws {@link InvalidPathError} in the words of Java's `PathUtils.validatePath` */
export function validatePath(path: unknown, rule: PathRule = 'node', op?: string): asserts path is string {
  if (typeof path !== 'string')
    throw new InvalidPathError(`a path must be a string, not ${describe(path)}`, { op });
  const problem = pathProblem(goesOn(rule) && isUnfinished(path) ? `${path}1` : path);
  if (problem !== null) throw new InvalidPathError(problem, { op, path });
  if (rule === 'notRoot' && path === '/')
    throw new InvalidPathError('the root cannot be deleted', { op, path });
}

/** Does the server's path have more at its end than the one that is given? */
function goesOn(rule: PathRule): boolean {
  return rule === 'sequential' || rule === 'prefix';
}

/** May what follows make a name of its end? */
function isUnfinished(path: string): boolean {
  const last = path.charCodeAt(path.length - 1);
  return path === '' || last === SLASH || last === DOT;
}

/** What is wrong with a path, or null. */
export function pathProblem(path: string): string | null {
  if (path.length === 0) return 'Path length must be > 0';
  if (path.charCodeAt(0) !== SLASH) return 'Path must start with / character';
  if (path.length === 1) return null;
  if (path.charCodeAt(path.length - 1) === SLASH) return 'Path must not end with / character';
  let segment = 1;
  for (let i = 1; i <= path.length; i++) {
    const unit = i < path.length ? path.charCodeAt(i) : SLASH;
    // digits and letters, mostly
    if (unit > SLASH && unit < 0x7f) continue;
    if (unit === SLASH) {
      if (i === segment) return invalid(path, `empty node name specified @${i}`);
      if (isDots(path, segment, i)) return invalid(path, `relative paths not allowed @${i - 1}`);
      segment = i + 1;
    } else if (unit === 0) {
      return invalid(path, `null character not allowed @${i}`);
    } else if (isForbidden(unit)) {
      return invalid(path, `invalid character @${i}`);
    }
  }
  return null;
}

const SLASH = 0x2f;
const DOT = 0x2e;

function isDots(path: string, start: number, end: number): boolean {
  const length = end - start;
  return (
    (length === 1 && path.charCodeAt(start) === DOT) ||
    (length === 2 && path.charCodeAt(start) === DOT && path.charCodeAt(start + 1) === DOT)
  );
}

/** Control characters, surrogates (so no emoji), the private use area, and the specials at the end. */
function isForbidden(unit: number): boolean {
  return (
    (unit >= 0x01 && unit <= 0x1f) ||
    (unit >= 0x7f && unit <= 0x9f) ||
    (unit >= 0xd800 && unit <= 0xf8ff) ||
    (unit >= 0xfff0 && unit <= 0xffff)
  );
}

function invalid(path: string, reason: string): string {
  return `Invalid path string "${printable(path)}" caused by ${reason}`;
}

/** Control characters and lone halves shown as escapes, so that a message can be logged. */
function printable(text: string): string {
  let shown = '';
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const plain = !(unit < 0x20 || (unit >= 0x7f && unit <= 0x9f) || (unit >= 0xd800 && unit <= 0xdfff));
    shown += plain ? text.charAt(i) : `\\u${unit.toString(16).padStart(4, '0')}`;
  }
  return shown;
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

/** Parent of a path; `/` for a top-level node and for `/` itself. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** Last name of a path; empty for `/`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Child of a path. */
export function joinPath(parent: string, child: string): string {
  return parent === '/' ? `/${child}` : `${parent}/${child}`;
}

/**
 * The number that the server appended to a sequential name, or `undefined` if there is none. It is printed with ten
 * places and wraps from 2147483647 to -2147483648. A dash before ten digits belongs to the name, as in
 * `lock-0000000001`, wherever the digits can be a number by themselves.
 */
export function sequenceOf(path: string): number | undefined {
  const digits = /\d{10}$/.exec(path)?.[0];
  if (digits !== undefined && Number(digits) <= 0x7fffffff) return Number(digits);
  const negative = /-\d{9,10}$/.exec(path)?.[0];
  if (negative === undefined || Number(negative) < -0x80000000) return undefined;
  return Number(negative);
}

/** A chroot is `''` (none) or a valid path other than `/`. */
export function normalizeChroot(chroot: string): string {
  return chroot === '/' ? '' : chroot;
}

/**
 * A client's path as the server knows it. `/` is the chroot itself, except for a sequential create, where it is the
 * folder that gets the new child (Java makes a sibling of the chroot there), and as a prefix, where it is the beginning
 * of everything below the chroot.
 */
export function addChroot(chroot: string, path: string, rule: PathRule = 'node'): string {
  if (chroot === '') return path;
  return path === '/' && !goesOn(rule) ? chroot : chroot + path;
}

/** A server's path as the client knows it. A path outside of the chroot comes back as it is. */
export function stripChroot(chroot: string, path: string): string {
  if (chroot === '' || !path.startsWith(chroot)) return path;
  if (path.length === chroot.length) return '/';
  return path.charCodeAt(chroot.length) === SLASH ? path.slice(chroot.length) : path;
}
